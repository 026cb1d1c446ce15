"""Rules that are snoozed for an entity do not judge its events until the snooze ends."""

from collections.abc import Mapping, Sequence
from typing import Any

from fraudstream.domain.features.schema import CARD, EVENT_TIME, Column
from fraudstream.domain.lists.table import Lists, snoozed
from fraudstream.domain.rules.judging import Judge
from fraudstream.domain.rules.rule import Rule


def needed(judge: Judge, lists: Lists) -> tuple[Column, ...]:
    """Return what must be known of an event that a rule holds for."""
    if not lists.has_snoozes:
        return judge.needs
    return tuple(dict.fromkeys((*judge.needs, EVENT_TIME, CARD)))


def awake(
    lists: Lists, held: Sequence[Sequence[Rule]], events: Sequence[Mapping[str, Any]]
) -> tuple[list[list[Rule]], list[list[str]]]:
    """Return of the rules that hold for each event those that judge it, and the names of those that are snoozed."""
    judging, asleep = [], []
    for rules, event in zip(held, events, strict=True):
        names = snoozed(lists, [rule.name for rule in rules], event[CARD.name], event[EVENT_TIME.name])
        judging.append([rule for rule in rules if rule.name not in names])
        asleep.append([rule.name for rule in rules if rule.name in names])
    return judging, asleep
