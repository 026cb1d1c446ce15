"""An event type: which fields a record may have, which features describe it and which rules judge it."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.amounts import Money
from fraudstream.domain.names import did_you_mean, validate_name
from fraudstream.domain.rules import Rule, Ruleset

MONEY = ("currency", "decimals", "amount_max", "refunds")
"""Keys that say what amounts are."""


@dataclass(frozen=True, slots=True)
class EventType:
    """What `event_types/<name>.toml` declares; the comments there explain the fields."""

    name: str
    entity: str
    id: str
    times: tuple[str, ...]
    amount: str
    money: Money
    features: str
    variables: tuple[str, ...]
    ruleset: Ruleset

    @classmethod
    def from_toml(cls, text: str) -> "EventType":
        """Read a declaration; raises SetupError that names what is wrong."""
        try:
            raw: dict[str, Any] = tomllib.loads(text)
            rules = tuple(Rule(**rule) for rule in raw.pop("rules", ()))
            raw |= {key: tuple(raw[key]) for key in ("times", "variables")}
            raw["money"] = Money(**{key: raw.pop(key) for key in MONEY})
            return cls(**raw, ruleset=Ruleset(rules))
        except (tomllib.TOMLDecodeError, TypeError, KeyError) as error:
            raise SetupError(f"the event type does not parse: {error}") from error


def event_types() -> list[str]:
    """Return the names of the event types in the package."""
    names = (path.name for path in files("fraudstream.event_types").iterdir())
    return sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))


def event_type_named(name: str) -> EventType:
    """Load one of the event types in the package."""
    path = files("fraudstream.event_types") / f"{validate_name('event type', name)}.toml"
    if not path.is_file():
        known = event_types()
        raise SetupError(
            f"there is no event type {name!r}; the package has: {', '.join(known)}{did_you_mean(name, known)}"
        )
    return EventType.from_toml(path.read_text())
