"""A feature group: the features of one kind of record in an online store, their types, its identifier and its time."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from fraudstream.domain.errors import SetupError

TYPES = INTEGRAL, FRACTIONAL, _ = ("Integral", "Fractional", "String")
"""Feature Store's types."""


@dataclass(frozen=True, slots=True)
class FeatureGroup:
    """What `feature_groups/<name>.toml` declares; the comments there explain the fields."""

    name: str
    record_identifier: str
    event_time: str
    ttl_days: int
    features: Mapping[str, str]
    """Feature name -> type, in the file's order."""

    @classmethod
    def from_toml(cls, text: str) -> "FeatureGroup":
        """Read a declaration; raises SetupError that names what is wrong."""
        try:
            raw: dict[str, Any] = tomllib.loads(text)
            group = cls(**raw)
            wrong = [f"{name} = {kind!r}" for name, kind in group.features.items() if kind not in TYPES]
        except (tomllib.TOMLDecodeError, TypeError, AttributeError) as error:
            raise SetupError(f"the feature group's file cannot be parsed: {error}") from error
        if wrong:
            raise SetupError(f"the types of features are {', '.join(TYPES)}, not {', '.join(wrong)}")
        if absent := {group.record_identifier, group.event_time} - set(group.features):
            raise SetupError(f"the feature group does not declare its {' and '.join(sorted(absent))}")
        if type(group.ttl_days) is not int or group.ttl_days < 1:
            raise SetupError("ttl_days must be a number of days, 1 or more")
        return group


def feature_group_named(name: str) -> FeatureGroup:
    """Load one of the feature groups in the package."""
    return FeatureGroup.from_toml((files("fraudstream.feature_groups") / f"{name}.toml").read_text())
