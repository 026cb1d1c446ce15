"""What is tested: the detector of a model version, rules of the event type or of a file, and a threshold."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.loading import load
from fraudstream.adapters.releases.store import Releases
from fraudstream.adapters.rules.draft import RulesetDraft
from fraudstream.adapters.rules.file import rules_of
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.releases.release import name_of


@dataclass(frozen=True, slots=True)
class Candidate:
    """A detector and what it is made of."""

    detector: Detector
    rules: str
    """Where its rules are from."""

    def __post_init__(self) -> None:
        """Raise SetupError if rules ask lists: a backtest does not know what was on them when a payment came."""
        if calls := self.detector.ruleset.calls:
            raise SetupError(
                f"rules of {self.rules} ask the list {calls[0].name}, and what was on lists when a payment came is not in histories "
                "and archives; test rules without in_list"
            )

    @classmethod
    def of(
        cls,
        models: Registry,
        event_type: EventType,
        version: str,
        rules: Path | None = None,
        threshold: float | None = None,
    ) -> "Candidate":
        """Put a detector together; raises SetupError if its parts do not fit."""
        model = load_model(models, version)
        if rules is None:
            return cls(Detector.of(model, event_type, threshold), f"event type {event_type.name}")
        ruleset = rules_of(rules, event_type, model.features)
        return cls(Detector.of(model, event_type, threshold, ruleset), str(rules))

    @classmethod
    def of_draft(
        cls, models: Registry, event_type: EventType, version: str, threshold: float | None = None
    ) -> "Candidate":
        """Put a model together with the draft of the rules, as `fraudstream rules` changes it; raises SetupError."""
        model = load_model(models, version)
        ruleset = RulesetDraft(models.store, event_type).read().ruleset
        return cls(Detector.of(model, event_type, threshold, ruleset), "the draft")

    @classmethod
    def of_release(cls, releases: Releases, event_type: EventType, release: str) -> "Candidate":
        """Load a release by its number, or by what decisions call it; raises SetupError."""
        named = re.fullmatch(rf"(?:{re.escape(event_type.name)}-)?([1-9][0-9]{{0,8}})", release)
        if named is None:
            raise SetupError(f"{release!r} is not the number of a release; see: fraudstream releases list")
        number, log = int(named[1]), releases.log()
        releases.require(log, number)
        loaded = load(releases, log.sha256_of(number), event_type)
        return cls(loaded.detector, f"release {name_of(event_type.name, number)}")

    def told(self) -> dict[str, Any]:
        """Return it for a report."""
        return {
            "model": self.detector.model.version,
            "rules": self.rules,
            "ruleset_version": self.detector.ruleset.version,
            "threshold": self.detector.fraud_threshold,
        }
