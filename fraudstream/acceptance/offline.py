"""Decides a thousand acceptance stories with the models that are there, one model per feature set."""

from fraudstream.acceptance.stories import StoriesResult, tell_many
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.models.files import current_version, load_model
from fraudstream.adapters.weekly.files import newest_snapshot
from fraudstream.domain.detector import Detector
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.catalogue import FEATURE_SETS
from fraudstream.settings import Settings


def results(settings: Settings, stories: int, seed: int) -> list[tuple[str, str, StoriesResult]]:
    """Return (version, feature set, result) for the current model and the newest one of every other feature set.

    Raises SetupError if there is no model or no weekly snapshot.
    """
    event_type = event_type_named(settings.event_type)
    known = newest_snapshot(settings.weekly_dir, event_type.weekly.layout).weeks.values()
    weeks = [week for week in known if week.payments]
    told = []
    for name, version in _versions(settings).items():
        model = load_model(settings.models_dir, version)
        detector = Detector.of(model, event_type, settings.fraud_threshold)
        told.append((version, name, tell_many(detector, weeks, stories, seed, event_type.weekly)))
    return told


def _versions(settings: Settings) -> dict[str, str]:
    """Return one model version per feature set that has any; the current one first."""
    current = current_version(settings.models_dir)
    names = [path.parent.name for path in settings.models_dir.glob("*/manifest.json")]
    found: dict[str, str] = {}
    for version in [current, *sorted((name for name in names if name != current), reverse=True)]:
        try:
            features = load_model(settings.models_dir, version).features
        except SetupError:
            if version == current:
                raise
            continue  # an old version this release cannot read
        name = next(
            (name for name, names in FEATURE_SETS.items() if names == features), f"features of {version}"
        )
        found.setdefault(name, version)
    return found
