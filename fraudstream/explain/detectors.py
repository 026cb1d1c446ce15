"""The detectors of then: the release, or the model version and the rules, that an archived decision names."""

from dataclasses import dataclass
from typing import NamedTuple

from fraudstream.adapters.models.files import load_model, name_of
from fraudstream.adapters.models.registry import HAS_FILES, Registry
from fraudstream.adapters.releases.loading import load
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.rules import Ruleset


class Named(NamedTuple):
    """What a decision says of its detector."""

    release: str | None
    """Event type and number, such as card-7; None if no release decided."""
    model: str
    ruleset: str


class Lost(NamedTuple):
    """A detector that is not kept any more, and why."""

    why: str


@dataclass(frozen=True)
class Detectors:
    """Finds detectors by what decisions say; `threshold` is what is set for a worker without releases."""

    models: Registry
    releases: Releases
    event_type: EventType
    threshold: float | None = None

    def named(self, named: Named) -> Detector | Lost:
        """Return the detector that a decision names; it is lost, too, if its rules ask lists, whose past is not archived."""
        found = self._kept(named)
        if isinstance(found, Detector) and found.ruleset.calls:
            return Lost(
                f"its rules ask the list {found.ruleset.calls[0].name}, and what was on it then is not archived"
            )
        return found

    def _kept(self, named: Named) -> Detector | Lost:
        try:
            if named.release is not None:
                number = int(named.release.rpartition("-")[2])
                log = self.releases.log()
                self.releases.require(log, number)
                return load(self.releases, log.sha256_of(number), self.event_type).detector
            ruleset = self._ruleset(named.ruleset)
            if ruleset is None:
                return Lost(
                    f"rules of version {named.ruleset} are neither the event type's nor those of a release"
                )
            return Detector.of(
                load_model(self.models, self._version(named.model)), self.event_type, self.threshold, ruleset
            )
        except (SetupError, ValueError) as error:
            return Lost(str(error))

    def _version(self, model: str) -> str:
        """Return the number of the version that decisions call so; raises SetupError."""
        log = self.models.log()
        for version, state in log.states.items():
            if (
                state in HAS_FILES
                and name_of({"event_type": self.models.event_type, "version": version}) == model
            ):
                return str(version)
        raise SetupError(f"model {model} is not among the versions in {self.models.store.place}")

    def _ruleset(self, version: str) -> Ruleset | None:
        """Return the rules of this version: the event type's, or those of some release."""
        if self.event_type.ruleset.version == version:
            return self.event_type.ruleset
        for number in self.releases.log().states:
            ruleset = Ruleset.of_description(self.releases.numbered(number).ruleset)
            if ruleset.version == version:
                return ruleset
        return None
