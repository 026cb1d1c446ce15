"""Which detector predicts: a release, a model version, or what workers decide with."""

import re
from typing import NamedTuple

from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.loading import load
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.releases.release import name_of
from fraudstream.domain.releases.release_log import Role
from fraudstream.settings import Settings

ACTIVE = "active"


class Chosen(NamedTuple):
    """A detector, and what decisions call the release that it is of."""

    detector: Detector
    release: str | None


def chosen(settings: Settings, event_type: EventType, release: str | None, model: str | None) -> Chosen:
    """Load a release (a number, or `active`) or a model version; neither: the active release, else the model of the settings.

    Raises SetupError if there is none, or if its rules ask lists: what workers know of them is not known here.
    """
    found = chosen_with_lists(settings, event_type, release, model)
    if calls := found.detector.ruleset.calls:
        raise SetupError(
            f"the rules ask the list {calls[0].name}, and only workers know what is on lists; choose a release without in_list, "
            "or send the events to workers: fraudstream produce replay"
        )
    return found


def chosen_with_lists(
    settings: Settings, event_type: EventType, release: str | None, model: str | None
) -> Chosen:
    """Do the same, also if rules ask lists: whoever decides by it knows them. Those of the detector are empty."""
    if model is None:
        releases = Releases.of(settings)
        log = releases.log()
        number = log.roles()[Role.CHAMPION].release
        if release not in (None, ACTIVE):
            number = _number(str(release), event_type)
            releases.require(log, number)
        if number is not None:
            detector = load(releases, log.sha256_of(number), event_type).detector
            return Chosen(detector, name_of(event_type.name, number))
        if release == ACTIVE:
            raise SetupError(
                f"no release of event type {event_type.name} is active; see: fraudstream releases list"
            )
    registry = Registry.of(settings)
    number_of_model = registry.resolve(model or settings.model)
    loaded = load_model(registry, str(number_of_model))
    return Chosen(Detector.of(loaded, event_type, settings.fraud_threshold), None)


def _number(release: str, event_type: EventType) -> int:
    named = re.fullmatch(rf"(?:{re.escape(event_type.name)}-)?([1-9][0-9]{{0,8}})", release)
    if named is None:
        raise SetupError(f"{release!r} is not the number of a release; see: fraudstream releases list")
    return int(named[1])
