"""Rules in a file."""

import tomllib
from pathlib import Path

import msgspec

from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.rule_columns import rule_columns
from fraudstream.domain.rules import Ruleset


def rules_of(path: Path, event_type: EventType, features: tuple[str, ...]) -> Ruleset:
    """Read the rules of a TOML file, which may be an event type's, or of a JSON file as `rules` writes it; raises SetupError."""
    try:
        read = (
            msgspec.json.decode(path.read_bytes())
            if path.suffix == ".json"
            else tomllib.loads(path.read_text())
        )
        document = {
            "rules": read.get("rules", []),
            "mode": read.get("rules_mode", read.get("mode", "strictest")),
        }
        ruleset = Ruleset.of_description(document)
    except (OSError, UnicodeDecodeError) as error:
        raise SetupError(f"{path} cannot be read: {error}") from error
    except (tomllib.TOMLDecodeError, msgspec.DecodeError, AttributeError, SetupError) as error:
        raise SetupError(f"{path} does not hold rules: {error}") from error
    columns = rule_columns(event_type, features)
    for rule in ruleset.rules:
        rule.check(columns)
    return ruleset
