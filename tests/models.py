"""Model versions in a directory, as tests load and save them."""

from pathlib import Path
from typing import Any

from fraudstream.adapters.models import files
from fraudstream.adapters.models.boosted import XGBoostModel
from fraudstream.adapters.models.registry import ACTIVE, Registry
from fraudstream.adapters.models.training import training
from fraudstream.domain.registry.manifest import MODEL_FILE


def load_model(models_dir: Path, version: str = ACTIVE, event_type: str = "card") -> XGBoostModel:
    """Load a version, the active one if none is named."""
    return files.load_model(Registry.at(models_dir, event_type), version)


def active_version(models_dir: Path, event_type: str = "card") -> str:
    """Return the number of the active version."""
    return str(Registry.at(models_dir, event_type).resolve())


def saved(models_dir: Path, content: bytes, beside: dict[str, bytes] | None = None, **fields: Any) -> str:
    """Save a model with an ordinary manifest, some fields given, and make it the active version; return its number."""
    registry = Registry.at(models_dir, "card")
    manifest = {"features": ["amount", "seconds_since_previous"], "threshold": 0.25} | fields
    with training(registry) as made:
        made.save(manifest, {MODEL_FILE: content} | (beside or {}))
    registry.activate(made.version, "for a test")
    return str(made.version)
