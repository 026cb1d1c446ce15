"""What people do to the rules of a draft: each returns a changed ruleset, or raises SetupError."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from fraudstream.adapters.rules.draft import rule_named
from fraudstream.domain.errors import SetupError
from fraudstream.domain.rules import Rule, Ruleset


def added(ruleset: Ruleset, rule: Rule) -> Ruleset:
    """Add a rule after the others."""
    if any(each.name == rule.name for each in ruleset.rules):
        raise SetupError(f"there is a rule {rule.name!r} already: change it, or choose another name")
    return Ruleset([*ruleset.rules, rule], ruleset.mode)


def replaced(ruleset: Ruleset, name: str, /, **changes: Any) -> Ruleset:
    """Change some fields of a rule."""
    old = rule_named(ruleset, name)
    new = msgspec.structs.replace(old, **changes)
    return Ruleset([new if rule is old else rule for rule in ruleset.rules], ruleset.mode)


def removed(ruleset: Ruleset, name: str) -> Ruleset:
    """Take a rule out."""
    gone = rule_named(ruleset, name)
    return Ruleset([rule for rule in ruleset.rules if rule is not gone], ruleset.mode)


def moment(text: str) -> datetime:
    """Read a moment with its zone."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise SetupError(f"{text!r} is no moment with its zone: write e.g. 2027-01-01T00:00:00Z")
    return found.astimezone(UTC)
