"""Decides a thousand acceptance stories with the models that are there, one model per feature set."""

from fraudstream.acceptance.stories import StoriesResult, tell_many
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.adapters.models.files import load_model
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.domain.registry.version_log import State
from fraudstream.settings import Settings


def results(settings: Settings, stories: int, seed: int) -> list[tuple[str, str, StoriesResult]]:
    """Return (version, feature set, result) for the active model and the newest one of every other feature set.

    Raises SetupError if there is no model or no weekly snapshot.
    """
    event_type = event_type_named(settings.event_type)
    known = newest_snapshot(settings.weekly_dir, event_type.weekly.layout).weeks.values()
    weeks = [week for week in known if week.payments]
    models = Registry.of(settings)
    told = []
    for name, model in models_of(models).items():
        detector = Detector.of(model, event_type, settings.fraud_threshold)
        told.append((model.version, name, tell_many(detector, weeks, stories, seed, event_type.weekly)))
    return told


def models_of(models: Registry) -> dict[str, XGBoostModel]:
    """Return one model per feature set that has any; the active one first, then the newest."""
    active = models.resolve()
    others = [version for version, state in reversed(models.log().states.items()) if state is State.READY]
    found: dict[str, XGBoostModel] = {}
    for version in [active, *others]:
        try:
            model = load_model(models, str(version))
        except SetupError:
            if version == active:
                raise
            continue  # one that is damaged, or that this release cannot read
        name = next(
            (name for name, names in FEATURE_SETS.items() if names == model.features),
            f"features of {model.version}",
        )
        found.setdefault(name, model)
    return found
