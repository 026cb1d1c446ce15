"""A challenger beside a deciding worker: what it would have decided otherwise, and that it never costs a decision."""

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.agents.shadow import Shadow
from fraudstream.deciding.challenging import Challenger, Difference
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import BrokerUnavailable
from fraudstream.domain.rules import Rule, Ruleset
from tests.agents.memory_worker import MemoryWorker, until
from tests.agents.test_scoring import paid
from tests.builders import CountingModel

CARD = event_type_named("card")
OWN = Detector.of(CountingModel(), CARD)
LARGE = Detector.of(CountingModel(), CARD, None, Ruleset((Rule("large", "amount > 50", "block"),)))


class Watched:
    """What a shadow says and counts."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.results = Counter[str]()
        self.changes = Counter[tuple[str, str]]()
        self.broker_away = False

    async def __call__(self, differences: Sequence[Difference]) -> None:
        """Take differences, if a broker is there."""
        if self.broker_away:
            raise BrokerUnavailable("no broker")
        self.said += [json.loads(each.value) for each in differences]

    def shadowed(self, results: Mapping[str, int], changes: Mapping[tuple[str, str], int]) -> None:
        """Count."""
        self.results.update(results)
        self.changes.update(changes)

    def shadow(self, detector: Detector | None, time_share: float = 1.0) -> Shadow:
        """Return a shadow whose challenger decides by a detector."""
        shadow = Shadow(time_share, self, self)
        shadow.challenger = None if detector is None else Challenger("card-2", detector, CARD)
        return shadow

    @property
    def seen(self) -> int:
        """How many events were counted."""
        return sum(self.results.values())


async def decided(tmp_path: Path, watched: Watched, shadow: Shadow, few_events: int = 128) -> None:
    """Let a card pay four times in an order that the counting model calls fraud from the second on."""
    async with MemoryWorker(tmp_path, shadow=shadow, few_events=few_events) as worker:
        amounts = (10, 60, 20, 70)
        await worker.receive([paid(f"t{n}", n, amount=amount) for n, amount in enumerate(amounts)])
        await worker.settled()
        if shadow.challenger is not None:
            await until(lambda: watched.seen == 4)
        await shadow.ended()

    assert 4 == len(worker.published("decisions"))


@pytest.mark.parametrize("few_events", [0, 128])
async def test_the_same_detector_decides_the_same(tmp_path: Path, few_events: int) -> None:
    """From the columns that were known, whether few events or many were decided together."""
    watched = Watched()

    await decided(tmp_path, watched, watched.shadow(OWN), few_events)

    assert ({"same": 4}, []) == (+watched.results, watched.said)


@pytest.mark.parametrize("few_events", [0, 128])
async def test_only_differences_are_published(tmp_path: Path, few_events: int) -> None:
    """The counting model blocks all but the first; the challenger blocks those above 50."""
    watched = Watched()

    await decided(tmp_path, watched, watched.shadow(LARGE), few_events)

    assert {"same": 3, "different": 1} == +watched.results
    (said,) = watched.said
    assert ("t2", "block", "approve", "card-2", None) == tuple(
        said[name] for name in ("transaction_id", "outcome", "challenger_outcome", "challenger", "release")
    )
    assert ([], 900) == (said["challenger_rules"], said["challenger_score"])
    assert {("block", "approve"): 1} == watched.changes


async def test_what_there_is_no_time_for_is_skipped_and_counted(tmp_path: Path) -> None:
    """While it decides one micro-batch others are not kept for it."""
    began, may = threading.Event(), threading.Event()

    class Slow(CountingModel):
        """A model that waits until it may."""

        def probabilities(self, rows: Any) -> Any:
            """Wait."""
            began.set()
            may.wait(60)
            return super().probabilities(rows)

    watched = Watched()
    shadow = watched.shadow(replace(OWN, model=Slow()))
    async with MemoryWorker(tmp_path, shadow=shadow, batch_rows_max=1) as worker:
        await worker.receive([paid("first", 0)])
        await until(began.is_set)
        for number in range(3):
            await worker.receive([paid(f"t{number}", number)])
        await worker.settled()
        await until(lambda: watched.results["skipped"] == 3)
        may.set()
        await shadow.ended()

    assert {"same": 1, "skipped": 3} == +watched.results


async def test_it_rests_so_that_its_share_of_the_time_is_kept(tmp_path: Path) -> None:
    """With a billionth of the time, one micro-batch is all that it decides."""
    watched = Watched()
    shadow = watched.shadow(OWN, time_share=1e-9)
    async with MemoryWorker(tmp_path, shadow=shadow, batch_rows_max=1) as worker:
        for number in range(3):
            await worker.receive([paid(f"t{number}", number)])
            await until(lambda number=number: watched.seen == number + 1)  # type: ignore[misc]

    assert {"same": 1, "skipped": 2} == +watched.results


async def test_a_challenger_that_fails_is_counted_and_ends_nothing(tmp_path: Path) -> None:
    """Its rules may be wrong in a way that only live payments show."""
    watched = Watched()

    class Failing(CountingModel):
        """A model that cannot."""

        def probabilities(self, rows: Any) -> Any:
            """Raise."""
            raise pl.exceptions.ComputeError("no")

    await decided(tmp_path, watched, watched.shadow(replace(OWN, model=Failing())))

    assert {"failed": 4} == +watched.results


async def test_differences_that_cannot_be_published_are_counted(tmp_path: Path) -> None:
    """The topic may be gone."""
    watched = Watched()
    watched.broker_away = True

    await decided(tmp_path, watched, watched.shadow(LARGE))

    assert {"same": 3, "unpublished": 1} == +watched.results


async def test_without_a_challenger_nothing_is_done(tmp_path: Path) -> None:
    """A worker does not pay for what it does not use."""
    watched = Watched()

    await decided(tmp_path, watched, watched.shadow(None))

    assert 0 == watched.seen
