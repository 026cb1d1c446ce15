"""XGBoost models that were made elsewhere: what they have to be to decide events of an event type."""

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from fraudstream.adapters.models.library import xgboost
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import REASONS
from fraudstream.domain.names import did_you_mean

FIRST_BYTE = b"{"
"""What JSON and UBJ begin with; XGBoost's binary format of before 2.1 does not."""

OBJECTIVES = frozenset({"binary:logistic", "reg:logistic"})
"""What gives probabilities."""


class Foreign(NamedTuple):
    """A model that can be used, as UBJ."""

    ubj: bytes
    features: tuple[str, ...]


def foreign_model(content: bytes, features: Sequence[str], event_type: EventType, place: str) -> Foreign:
    """Read a model as UBJ or JSON, of XGBoost 1.7 or later; raises SetupError that says what does not fit.

    `features`: names in the order of its columns; empty if the model has them itself.
    """
    booster = _read(content, place)
    names = _named(booster, tuple(features), place)
    check_declared(names, event_type, place)
    if "c" in (booster.feature_types or ()):
        raise SetupError(f"{place} takes categories; a model's features must be numbers")
    objective = json.loads(booster.save_config())["learner"]["objective"]["name"]
    if objective not in OBJECTIVES:
        raise SetupError(
            f"{place} was trained for {objective}; a model must give probabilities: {', '.join(sorted(OBJECTIVES))}"
        )
    booster.feature_names = list(names)
    if booster.inplace_predict(np.zeros((1, len(names)), np.float32)).shape != (1,):
        raise SetupError(f"{place} does not return one probability per payment")
    return Foreign(bytes(booster.save_raw("ubj")), names)


def check_declared(names: Iterable[str], event_type: EventType, place: str) -> None:
    """Raise SetupError if a model takes features that events of a type do not have."""
    known = sorted({*REASONS, *event_type.numbers})
    missing = [f"{name}{did_you_mean(name, known)}" for name in names if name not in known]
    if missing:
        raise SetupError(
            f"{place} takes features that neither this release nor event type {event_type.name} declares: "
            f"{', '.join(missing)} (docs/event-types.md)"
        )


def _read(content: bytes, place: str) -> xgboost.Booster:
    booster = xgboost.Booster({"nthread": 1})
    if not content.lstrip().startswith(FIRST_BYTE):
        raise SetupError(
            f"{place} is neither an XGBoost model as UBJ or JSON nor a file of `fraudstream models export`; "
            "save it with: booster.save_model('model.ubj')"
        )
    try:
        booster.load_model(bytearray(content))
    except xgboost.core.XGBoostError as error:
        raise SetupError(f"{place} cannot be read by XGBoost {xgboost.__version__}") from error
    return booster


def _named(booster: xgboost.Booster, given: tuple[str, ...], place: str) -> tuple[str, ...]:
    own = tuple(booster.feature_names or ())
    if given and own and given != own:
        raise SetupError(f"{place} names its features itself: {', '.join(own)}; leave --features out")
    names = given or own
    if not names:
        raise SetupError(
            f"{place} does not name its {booster.num_features()} features; name them in order with --features"
        )
    if len(names) != booster.num_features() or len(set(names)) != len(names):
        raise SetupError(
            f"{place} takes {booster.num_features()} features, and {len(set(names))} are named: {', '.join(names)}"
        )
    return names
