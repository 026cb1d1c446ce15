"""A rule as a form of the page has it: read, checked, and what is wrong with it said where it is."""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple, cast
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from fraudstream.console.reading import read_moment
from fraudstream.domain.errors import SetupError
from fraudstream.domain.features.schema import Type
from fraudstream.domain.rules import Outcome, Rule, RuleState
from fraudstream.domain.rules.rule import UNKNOWN_COLUMN

LOCAL = "%Y-%m-%dT%H:%M"
"""How a browser writes date and time in a form."""


class Checked(NamedTuple):
    """A rule, or what is wrong with it."""

    rule: Rule | None
    wrong: str
    """A sentence; empty if nothing is."""
    marked: Markup
    """The condition with the place of the mistake, if there is one."""


def checked(form: Mapping[str, Any], columns: Mapping[str, Type], zone: str) -> Checked:
    """Return the rule of a form; `zone`: of whoever fills it in."""
    try:
        rule = rule_of(form, zone)
        rule.check_fields()
        rule.check(columns)
    except SetupError as error:
        return Checked(None, _without_name(str(error)), marked(str(form.get("when", "")), str(error)))
    return Checked(rule, "", Markup())


def rule_of(form: Mapping[str, Any], zone: str) -> Rule:
    """Read the fields; raises SetupError."""
    text = {key: str(value).strip() for key, value in form.items()}
    for key, what in (("name", "a name"), ("when", "a condition, such as amount > 1000")):
        if not text.get(key):
            raise SetupError(f"the rule needs {what}")
    given: dict[str, Any] = {
        "priority": int(_number(text.get("priority") or "0", "the priority")),
        "tags": tuple(filter(None, (tag.strip() for tag in text.get("tags", "").split(",")))),
        "reason": text.get("reason"),
        "owner": text.get("owner"),
        "expires_at": read_moment(text.get("expires_at", ""), zone),
        "pass_share": _number(text.get("pass_percent") or "0", "the share that is left alone") / 100,
        "overrides": bool(text.get("overrides")),
    }
    return Rule(
        text["name"],
        text["when"],
        cast("Outcome", text.get("outcome") or "review"),
        state=cast("RuleState", text.get("state") or "draft"),
        **{key: value for key, value in given.items() if value},  # what is as by default is not in releases
    )


def fields_of(rule: Rule, zone: str) -> dict[str, str]:
    """Return what the form shows of a rule."""
    expires = rule.expires_at
    return {
        "name": rule.name,
        "when": rule.when,
        "outcome": rule.outcome,
        "priority": str(rule.priority),
        "tags": ", ".join(rule.tags),
        "reason": rule.reason,
        "owner": rule.owner,
        "expires_at": "" if expires is None else expires.astimezone(ZoneInfo(zone)).strftime(LOCAL),
        "pass_percent": f"{rule.pass_share * 100:g}",
        "state": rule.state,
        "overrides": "yes" if rule.overrides else "",
    }


def marked(when: str, said: str) -> Markup:
    """Return a condition in which the word is marked that a sentence calls unknown; empty if it does not call one so."""
    unknown = UNKNOWN_COLUMN.search(said)
    found = unknown and re.search(rf"\b{re.escape(unknown[1])}\b", when)
    if not found:
        return Markup()
    before, word, after = when[: found.start()], found[0], when[found.end() :]
    return escape(before) + Markup("<mark>") + escape(word) + Markup("</mark>") + escape(after)


def _without_name(said: str) -> str:
    """Return a sentence about a rule without the name that stands above it."""
    return re.sub(r"^rule '(?:[^'\\]|\\.)*' ", "the condition ", said)


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SetupError(f"{what} is a number, not {text[:20]!r}") from None
