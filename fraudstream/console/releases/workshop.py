"""What the rooms of rules, releases, lists and models work with: stores of the event type that is set, lists, and the archive."""

import threading
from functools import cached_property
from pathlib import Path
from typing import Any

from fraudstream.adapters.archive.opening import S3
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.opening import model_store
from fraudstream.adapters.models.registry import ACTIVE, Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.rules.draft import RulesetDraft
from fraudstream.backtest.lately import Lately, as_if_active
from fraudstream.console.app import Console
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.schema import Type
from fraudstream.domain.lists.table import NO_LISTS, ListTable
from fraudstream.domain.people import Person
from fraudstream.domain.registry.store import ModelStore
from fraudstream.domain.rule_columns import rule_columns
from fraudstream.domain.rules import Ruleset

TRY_WITHIN_S = 1.5
"""So long days of the archive are looked at while somebody types; what then is left out is said."""


class Workshop:
    """One console's."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.settings = console.settings
        self._trying = threading.Lock()

    @cached_property
    def event_type(self) -> EventType:
        """The one that is set; raises SetupError."""
        return event_type_named(self.settings.event_type)

    @cached_property
    def store(self) -> ModelStore:
        """The store of models, releases and drafts."""
        return model_store(self.settings.models_place)

    @cached_property
    def columns(self) -> dict[str, Type]:
        """What rules may name."""
        return rule_columns(self.event_type, self.event_type.features)

    def draft(self, person: Person) -> RulesetDraft:
        """The draft of the rules, which somebody reads or changes."""
        return RulesetDraft(self.store, self.event_type, person.name)

    def releases(self, by: str) -> Releases:
        """The releases, which somebody reads or changes."""
        return Releases(self.store, self.event_type.name, by)

    def registry(self, by: str) -> Registry:
        """The model versions, which somebody reads or changes."""
        return Registry(self.store, self.event_type.name, by)

    def lately(self, zone: str) -> Lately:
        """The newest days of the archive, as a time zone has them; raises SetupError if they cannot be looked at from here."""
        place = self.settings.archive_place
        if place.startswith(S3):
            raise SetupError("the archive is in a bucket: try rules with fraudstream backtest draft")
        return Lately(Path(place), self.event_type, self._threshold(), zone=zone)

    def tried(self, ruleset: Ruleset, name: str, capacity: int | None, zone: str) -> dict[str, Any]:
        """Return what a ruleset would have done lately, one rule as if it were active; one preview at a time."""
        tested = as_if_active(ruleset, name)
        lists = self.lists_now() if tested.calls else None
        with self._trying:
            found = self.lately(zone).tried(tested, lists or NO_LISTS, capacity, TRY_WITHIN_S)
        if tested.calls and lists is None:
            found["not_reproduced"].append("lists cannot be read now: what asks them does not hold")
        return found

    def lists_now(self) -> ListTable | None:
        """Return what is on lists, without snoozes; None if nobody can tell."""
        try:
            return self._console.lists.table_from_thread()
        except FraudstreamError:
            return None

    def _threshold(self) -> float:
        """Return the threshold of the release that decides, else of the active model."""
        releases = self.releases("")
        log = releases.log()
        if log.active is not None:
            return releases.release(log.sha256_of(log.active)).fraud_threshold
        if self.settings.fraud_threshold is not None:
            return self.settings.fraud_threshold
        registry = self.registry("")
        return float(registry.manifest(registry.resolve(ACTIVE))["threshold"])
