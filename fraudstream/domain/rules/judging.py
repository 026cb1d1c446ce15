"""What follows for an event from the rules that hold for it: the same for few events and for many."""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from fraudstream.domain.features.schema import (
    EVENT_TIME,
    OUTCOME,
    PASSED_RULES,
    PROPENSITY,
    RULES,
    SHADOW_RULES,
    TRANSACTION_ID,
    Column,
)
from fraudstream.domain.rules.outcomes import APPROVE, OUTCOMES, strictest
from fraudstream.domain.rules.rule import Rule


class Judge(NamedTuple):
    """Makes of the rules that hold for an event what its decision says."""

    first_match: bool
    shadow: bool
    """Whether some rules are in the shadow state."""
    passing: bool
    """Whether some rules leave a share of events alone."""
    expiring: bool

    @classmethod
    def of(cls, rules: Sequence[Rule], first_match: bool) -> "Judge":
        """Return the judge of evaluated rules."""
        return cls(
            first_match,
            any(rule.state == "shadow" for rule in rules),
            any(rule.pass_share for rule in rules if rule.state == "active"),
            any(rule.expires_at is not None for rule in rules),
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """What a decision says, in the order of `judged`; beyond the first two only what some rule makes."""
        shadow = (SHADOW_RULES,) if self.shadow else ()
        return (RULES, OUTCOME, *shadow, *((PASSED_RULES, PROPENSITY) if self.passing else ()))

    @property
    def needs(self) -> tuple[Column, ...]:
        """What must be known of an event that a rule holds for."""
        return (*((TRANSACTION_ID,) if self.passing else ()), *((EVENT_TIME,) if self.expiring else ()))

    @property
    def nothing(self) -> tuple[Any, ...]:
        """What is said of an event that no rule holds for."""
        return self.judged((), {})

    def judged(self, rules: Iterable[Rule], event: dict[str, Any]) -> tuple[Any, ...]:
        """Return the values of `columns`; `rules` hold for the event, in their order; `event` has what is needed."""
        if self.expiring:
            rules = [rule for rule in rules if not _is_over(rule, event)]
        shadow: tuple[Any, ...] = ()
        if self.shadow:
            rules = list(rules)
            shadow = ([rule.name for rule in rules if rule.state == "shadow"],)
            rules = [rule for rule in rules if rule.state != "shadow"]
        matched = rules if isinstance(rules, list) else list(rules)
        if not self.passing:
            return (*self._decided(matched), *shadow)
        passed = [rule for rule in matched if is_passed(rule, event)]
        names, outcome = self._decided([rule for rule in matched if rule not in passed])
        propensity = sum(share for each, share in self._shares(matched) if each == outcome)
        return names, outcome, *shadow, [rule.name for rule in passed], propensity

    def _decided(self, rules: Sequence[Rule]) -> tuple[list[str], str]:
        """Return the rules that are named, and the outcome."""
        if not rules:
            return [], APPROVE
        if self.first_match:
            return [rules[0].name], rules[0].outcome
        deciding = [rule for rule in rules if rule.overrides] or rules
        return [rule.name for rule in rules], strictest(rule.outcome for rule in deciding)

    def _shares(self, rules: Sequence[Rule]) -> list[tuple[str, float]]:
        """Return with which probability each outcome is the event's, over all that `pass_share` could have left alone.

        Rules are left alone independently of each other. Those of one level lead to the same outcome unless all are left alone.
        """
        if self.first_match:
            levels = [[rule] for rule in rules]
        else:
            levels = [list(each) for _, each in groupby(sorted(rules, key=_rank, reverse=True), _rank)]
        shares, reached = [], 1.0
        for level in levels:
            left_alone = 1.0
            for rule in level:
                left_alone *= rule.pass_share
            shares.append((level[0].outcome, reached * (1 - left_alone)))
            reached *= left_alone
        return [*shares, (APPROVE, reached)]


def distinct(holds: npt.NDArray[np.bool_]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]:
    """Return the rows that differ from each other, and for every row which of them it is."""
    packed = np.packbits(holds, axis=1)
    words = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), np.uint8)
    words[:, : packed.shape[1]] = packed
    whole = words.view(np.uint64 if words.shape[1] == 8 else f"V{words.shape[1]}").ravel()
    _, first, place = np.unique(whole, return_index=True, return_inverse=True)
    return holds[first], place


def is_passed(rule: Rule, event: dict[str, Any]) -> bool:
    """Tell whether a rule leaves an event alone: by a hash of both, so that a replay and a backtest say the same.

    The first 8 bytes of SHA-256 of the rule's name, a zero byte and the transaction id are a number from 0 to below 2^64; it is
    compared with `pass_share` of 2^64.
    """
    if not rule.pass_share:
        return False
    digest = hashlib.sha256(f"{rule.name}\0{event[TRANSACTION_ID.name]}".encode()).digest()
    return int.from_bytes(digest[:8]) < rule.pass_share * 2**64


def _rank(rule: Rule) -> tuple[bool, int]:
    return rule.overrides, OUTCOMES.index(rule.outcome)


def _is_over(rule: Rule, event: dict[str, Any]) -> bool:
    expires_at_ms = rule.expires_at_ms
    return expires_at_ms is not None and event[EVENT_TIME.name] >= expires_at_ms
