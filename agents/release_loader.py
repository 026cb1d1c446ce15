"""Loads releases for a worker, in a thread, while it goes on deciding."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence

from fraudstream.adapters.releases.loading import ReleaseRefused, load
from fraudstream.adapters.releases.store import Releases
from fraudstream.agents.switching import Loaded
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.problems import Problem
from fraudstream.domain.registry.store import StoreUnavailable
from fraudstream.domain.releases.dry_run import EVENTS_MAX, MADE_UP, DryRun, events_of
from fraudstream.domain.releases.release import name_of
from fraudstream.process.yielding import yielding

logger = logging.getLogger(__name__)

AGAIN_S = (1.0, 2.0, 5.0, 10.0)
"""Waits between tries to load a release that a partition cannot be decided without; the last one is repeated."""

Newest = Callable[[int], Sequence[bytes]]
"""Returns up to so many of the newest published decisions; quick."""


class ReleaseLoader:
    """Turns a SHA-256 into what decides, or says why not."""

    def __init__(self, releases: Releases, event_type: EventType, budget_ms: float, newest: Newest) -> None:
        """`budget_ms`: how long the dry run may take."""
        self._releases = releases
        self._event_type = event_type
        self._budget_ms = budget_ms
        self._newest = newest
        self._waited_for = ""

    async def try_out(self, sha256: str) -> Loaded:
        """Return a release that passed every check; raises SetupError if it is refused, StoreUnavailable to try later."""
        return await asyncio.to_thread(self._load, sha256, self._newest(EVENTS_MAX))

    async def needed(self, sha256: str) -> Loaded:
        """Return a release that decided events before; without a dry run, because there is no choice.

        Waits as long as the store does not answer; raises SetupError if the release is refused.
        """
        tries = 0
        while True:
            try:
                loaded = await asyncio.to_thread(self._load, sha256, None)
            except StoreUnavailable as error:
                self._waited_for = f"release {sha256[:12]} cannot be loaded, which partitions need: {error}"
                logger.warning("%s", self._waited_for)
                await asyncio.sleep(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
                tries += 1
            else:
                self._waited_for = ""
                return loaded

    def problems(self) -> Iterator[Problem]:
        """Yield a problem while partitions wait for a release."""
        if self._waited_for:
            yield Problem("failing", self._waited_for, "see to the store of models (FRAUDSTREAM_MODELS)")

    def _load(self, sha256: str, newest: Sequence[bytes] | None) -> Loaded:
        """Load a release; whatever goes wrong with it is a refusal, because the one that decides is not touched."""
        started = time.perf_counter()
        try:
            with yielding():
                found = load(self._releases, sha256, self._event_type, self._dry_run(newest))
            number = self._releases.log().number_of(sha256)
        except (SetupError, StoreUnavailable):
            raise
        except Exception as error:
            logger.exception("release %s cannot be loaded", sha256[:12])
            raise ReleaseRefused("loading", f"{type(error).__name__}: {error}") from error
        name = sha256[:12] if number is None else name_of(self._event_type.name, number)
        logger.info("release %s was loaded and checked in %.1f s", name, time.perf_counter() - started)
        return Loaded(name, found.detector)

    def _dry_run(self, newest: Sequence[bytes] | None) -> DryRun | None:
        if newest is None:
            return None
        decisions = [json.loads(each) for each in newest] or [MADE_UP]
        return DryRun(events_of(decisions, self._event_type), self._budget_ms, time.perf_counter)
