"""UpdateDetectorVersionStatus: a version that becomes ACTIVE becomes a release, which then decides in the stream, too."""

import asyncio
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from fraudstream.adapters.database.resources import Resources, ResourceStore
from fraudstream.adapters.models.registry import ACTIVE as ACTIVE_MODEL
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.drafting import draft
from fraudstream.adapters.releases.store import Releases
from fraudstream.api.fraud_detector import detectors, rules
from fraudstream.api.fraud_detector.definitions import DETECTOR, DETECTOR_VERSION
from fraudstream.api.fraud_detector.errors import conflict, invalid
from fraudstream.api.fraud_detector.shapes import Body
from fraudstream.api.fraud_detector.stream_rules import Table, ruleset_of
from fraudstream.api.fraud_detector.training import registered
from fraudstream.api.fraud_detector.work import NotDone, Work
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.registry.versions import Version
from fraudstream.domain.releases.release_log import State
from fraudstream.domain.rules import Ruleset

RELEASE = "release"
"""Member of a version's document: the release that it became."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a release of a detector version is made of."""

    model: str | None
    """Version in our registry; None: the active one."""
    ruleset: Ruleset | None
    """None: that of the release that decides now."""

    @property
    def changes_something(self) -> bool:
        """Whether the stream is to decide otherwise because of it."""
        return self.model is not None or self.ruleset is not None


class Deployments:
    """Makes versions of detectors active."""

    def __init__(
        self,
        store: ResourceStore,
        work: Work,
        registry: Registry,
        releases: Releases,
        event_type: EventType,
        table: Table,
        fraud_threshold: float | None,
    ) -> None:
        self._store, self._work = store, work
        self._registry, self._releases = registry, releases
        self._event_type, self._table, self._fraud_threshold = event_type, table, fraud_threshold

    async def set_status(self, asked: Body) -> Body:
        """Set the status; what is to be ACTIVE is a release that decides before it is."""
        number = None
        if asked["status"] == detectors.ACTIVE:
            parts = await asyncio.to_thread(self._store.within, lambda found: self._parts(found, asked))
            if parts.changes_something:
                number = await self._released(parts, asked)
        return await asyncio.to_thread(self._store.within, lambda found: _set(found, deepcopy(asked), number))

    async def _released(self, parts: Parts, asked: Body) -> int:
        """Draft a release and let it decide; return its number."""
        what = f"version {asked[detectors.VERSION]} of detector {asked['detectorId']}"
        try:
            number = await asyncio.to_thread(self._draft, parts, what)
        except SetupError as error:
            raise invalid(f"{what} cannot decide: {error}") from error
        try:
            if await asyncio.to_thread(self._is_draft, number):
                await self._work.command(["releases", "check", str(number), "--why", what])
            await self._work.command(["releases", "activate", str(number), "--why", what])
        except NotDone as error:
            if error.later:
                raise
            raise conflict(f"{what} cannot decide: {error}") from error
        return number

    def _is_draft(self, number: int) -> bool:
        return self._releases.log().states[number] is State.DRAFT

    def _draft(self, parts: Parts, what: str) -> int:
        if parts.model is not None and self._registry.log().active is None:
            self._registry.activate(Version.parsed(parts.model), what)  # without one no worker starts
        ruleset, active = parts.ruleset, self._releases.log().active
        if ruleset is None and active is not None:
            ruleset = Ruleset.of_description(self._releases.numbered(active).ruleset)
        drafted = draft(
            self._releases,
            self._registry,
            self._event_type,
            parts.model or ACTIVE_MODEL,
            ruleset,
            self._fraud_threshold,
            why=what,
        )
        return drafted.number

    def _parts(self, resources: Resources, asked: Body) -> Parts:
        version = detectors.version_named(resources, asked)
        document = version.document
        detectors.check_parts(resources, version)
        models = [registered(resources, each) for each in document["modelVersions"]]
        trained = [each for each in models if each is not None]
        if len(trained) > 1:
            raise invalid(
                "one model decides in the stream: a version to be ACTIVE has at most one that was trained here."
            )
        return Parts(trained[0] if trained else None, self._ruleset(resources, version.name, document))

    def _ruleset(self, resources: Resources, name: str, document: Body) -> Ruleset | None:
        if not self._table:
            return None
        detector: Any = resources.get(DETECTOR, name)
        found = [rules.named(resources, each) for each in document["rules"]]
        return ruleset_of(
            resources,
            detector.document["eventTypeName"],
            [each.document for each in found if each is not None],
            self._table,
            self._event_type,
            first_matched=document[detectors.MODE] == detectors.FIRST_MATCHED,
        )


def _set(resources: Resources, asked: Body, release: int | None) -> Body:
    answer = detectors.set_status(resources, asked)
    if release is not None:
        version = detectors.version_named(resources, asked)
        document = version.document | {RELEASE: release}
        resources.put(DETECTOR_VERSION, version.name, document, version.version)
    return answer
