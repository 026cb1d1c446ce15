"""What differs between two releases, in words for people and as JSON."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from fraudstream.domain.events.fingerprint import differing
from fraudstream.domain.releases.release import Release


class Difference(NamedTuple):
    """One thing that is not the same."""

    what: str
    before: Any
    after: Any


def differences(before: Release, after: Release) -> list[Difference]:
    """Return what differs; equal releases have no difference."""
    simple = [
        Difference("model version", before.model_version, after.model_version),
        Difference("model content", before.model_sha256, after.model_sha256),
        Difference("features", list(before.features), list(after.features)),
        Difference("fraud threshold", before.fraud_threshold, after.fraud_threshold),
        Difference("note", before.note, after.note),
    ]
    found = [each for each in simple if each.before != each.after]
    declared = differing(before.declared, after.declared)
    if declared:
        found.append(Difference("event type declares", None, declared))
    return [*found, *differences_of_rules(before.ruleset, after.ruleset)]


def differences_of_rules(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """Return what differs between two descriptions of rulesets."""
    rules = [{rule["name"]: rule for rule in each["rules"]} for each in (before, after)]
    names = list(dict.fromkeys([*rules[0], *rules[1]]))
    found = [
        Difference(f"rule {name}", rules[0].get(name), rules[1].get(name))
        for name in names
        if rules[0].get(name) != rules[1].get(name)
    ]
    if not found and list(rules[0]) != list(rules[1]):
        found.append(Difference("order of rules", list(rules[0]), list(rules[1])))
    others = sorted((before.keys() | after.keys()) - {"rules"})
    return found + [
        Difference(f"ruleset's {key}", before.get(key), after.get(key))
        for key in others
        if before.get(key) != after.get(key)
    ]
