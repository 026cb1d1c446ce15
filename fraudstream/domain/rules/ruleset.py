"""Rules turn a score into an outcome: SQL over a decision's columns, the same text online and in a backtest."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl
from polars.exceptions import ColumnNotFoundError, PanicException, PolarsError

from fraudstream.domain.errors import SetupError
from fraudstream.domain.expressions import Expressions
from fraudstream.domain.features.schema import EVENT_TIME, LISTS_AS_OF, REASONS, SNOOZED_RULES
from fraudstream.domain.lists.table import NO_LISTS, Lists, answers
from fraudstream.domain.rules.failing import one_by_one
from fraudstream.domain.rules.judging import Judge, distinct
from fraudstream.domain.rules.outcomes import is_alert
from fraudstream.domain.rules.rule import Rule
from fraudstream.domain.rules.snoozing import awake, needed

Mode = Literal["strictest", "first_match"]
"""strictest: of the rules that hold, the strictest outcome wins. first_match: the first that holds decides."""

RULES_MAX = 1_000
MANY = 1_000
"""Of more events than this, those for which the same rules hold are judged once."""
SAME_NAME = "two rules have the same name: give each its own name"


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A ruleset as JSON has it, in releases and drafts."""

    rules: tuple[Rule, ...]
    mode: Mode = "strictest"


class Ruleset:
    """Rules with a version made of their content. Covers every payment: what no rule matches is approved."""

    def __init__(self, rules: Sequence[Rule], mode: Mode = "strictest") -> None:
        """Check and compile the rules; raises SetupError."""
        self.rules = tuple(rules)
        self.mode: Mode = mode
        self._check()
        self.version = hashlib.sha256(self._content().encode()).hexdigest()[:12]
        self.evaluated = tuple(
            sorted((rule for rule in self.rules if rule.is_evaluated), key=lambda rule: -rule.priority)
        )
        """The rules that events are compared with, in the order in which they are looked at."""
        self.judge_of = Judge.of(self.evaluated, mode == "first_match")
        self._nothing = [
            column.series([value])
            for column, value in zip(self.judge_of.columns, self.judge_of.nothing, strict=True)
        ]
        self._told = {rule.name: rule.reason for rule in self.evaluated if rule.reason}
        self.mentioned = frozenset(
            name for rule in self.evaluated for name in rule.condition().meta.root_names()
        )
        """The columns that rules ask for."""
        self.calls = tuple(dict.fromkeys(call for rule in self.evaluated for call in rule.calls))
        """What its rules ask lists."""
        conditions = {rule.name: rule.condition().alias(rule.name) for rule in self.rules}
        self._compiled = {rule.name: conditions[rule.name] for rule in self.evaluated}
        self._conditions = Expressions([*self._compiled.values()])

    @classmethod
    def of_description(cls, description: Mapping[str, Any]) -> "Ruleset":
        """Return the ruleset that `described` described; raises SetupError."""
        try:
            document = msgspec.convert(description, Document)
        except msgspec.ValidationError as error:
            raise SetupError(f"this is not a ruleset: {error}") from error
        return cls(document.rules, document.mode)

    def described(self) -> dict[str, Any]:
        """Return it for JSON; what is as it is by default is left out, so that new keys change no old ruleset."""
        described: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(Document(self.rules, self.mode)))
        return described

    def judge(self, frame: pl.DataFrame, lists: Lists = NO_LISTS) -> pl.DataFrame:
        """Add `rules` (names of all that matched, in order), `outcome` and what else the rules say; raises SetupError.

        Conditions are columns; lists are made only for the few payments that match, which is ten times faster. If a rule
        expires, or asks lists, the frame has `event_time`; if one leaves a share of events alone, `transaction_id`.
        """
        frame = self._with_lists(frame, lists)
        holds, failed = self._held(frame)
        if failed is not None:
            frame = frame.hstack([failed])
        matched = np.flatnonzero(holds.any(axis=1))
        if not len(matched):
            if lists.has_snoozes:
                frame = frame.hstack([SNOOZED_RULES.series([[]]).new_from_index(0, frame.height)])
            return frame.hstack([none.new_from_index(0, frame.height) for none in self._nothing])
        judge, needs = self.judge_of, [column.name for column in needed(self.judge_of, lists)]
        patterns, place = holds[matched], np.arange(len(matched))
        if not needs and len(matched) > MANY:
            patterns, place = distinct(patterns)
        events = frame.select(needs)[matched].to_dicts() if needs else [{}] * len(patterns)
        held = [[rule for rule, held in zip(self.evaluated, row, strict=True) if held] for row in patterns]
        if lists.has_snoozes:
            held, snoozed = awake(lists, held, events)
            each: list[list[str]] = [[] for _ in range(frame.height)]
            for row, names in zip(matched.tolist(), snoozed, strict=True):
                each[row] = names
            frame = frame.hstack([SNOOZED_RULES.series(each)])
        rows = [judge.judged(rules, event) for rules, event in zip(held, events, strict=True)]
        judged = [
            column.series(values)
            for column, values in zip(judge.columns, zip(*rows, strict=True), strict=True)
        ]
        which = np.zeros(frame.height, np.uint32)
        which[matched] = place + 1
        return frame.hstack(
            [pl.concat([none, some]).gather(which) for none, some in zip(self._nothing, judged, strict=True)]
        )

    def concerned(self, frame: pl.DataFrame, lists: Lists = NO_LISTS) -> npt.NDArray[np.bool_]:
        """Tell for which of many events some condition holds: `judge` approves all others."""
        holds, _ = self._held(self._with_lists(frame, lists))
        return np.array(holds.any(axis=1), np.bool_)

    def _held(self, frame: pl.DataFrame) -> tuple[npt.NDArray[np.bool_], pl.Series | None]:
        """Return which conditions hold for which events, and the column of those that failed, if some did."""
        if not self.evaluated:
            return np.zeros((frame.height, 0), np.bool_), None
        try:
            return self._conditions.computed(frame).to_numpy(), None
        except (PolarsError, PanicException) as error:
            if not frame.height or isinstance(error, ColumnNotFoundError):
                raise SetupError(f"a rule does not fit the columns of a decision: {error}") from error
            return one_by_one(self._compiled, frame)

    def _with_lists(self, frame: pl.DataFrame, lists: Lists) -> pl.DataFrame:
        """Return events with what lists say of them, and how far lists are known."""
        if not self.calls and not lists.has_snoozes:
            return frame
        try:
            times: Any = frame[EVENT_TIME.name] if self.calls else ()
            columns = [
                call.column.series(answers(call, lists, frame[call.variable], times)) for call in self.calls
            ]
        except ColumnNotFoundError as error:
            raise SetupError(f"a rule does not fit the columns of a decision: {error}") from error
        return frame.hstack([*columns, LISTS_AS_OF.constant(lists.revision, frame.height)])

    def with_reasons(
        self, rules: Sequence[Sequence[str]], outcomes: Sequence[str], reasons: Sequence[Sequence[str]]
    ) -> list[list[str]]:
        """Return the reasons of alerts with those that the rules themselves tell, first."""
        if not self._told:
            return list(map(list, reasons))
        return [
            [*(self._told[name] for name in names if name in self._told), *own]
            if is_alert(outcome)
            else list(own)
            for names, outcome, own in zip(rules, outcomes, reasons, strict=True)
        ]

    def told_reasons(self, rules: pl.Series, outcomes: pl.Series, reasons: pl.Series) -> pl.Series:
        """Do so with columns."""
        if not self._told or not is_alert(outcomes).any():
            return reasons
        return REASONS.series(self.with_reasons(rules.to_list(), outcomes.to_list(), reasons.to_list()))

    def _check(self) -> None:
        if len(self.rules) > RULES_MAX:
            raise SetupError(f"there are {len(self.rules):,} rules; at most {RULES_MAX:,}")
        if len({rule.name for rule in self.rules}) < len(self.rules):
            raise SetupError(SAME_NAME)
        if self.mode not in get_args(Mode):
            raise SetupError(f"there is no mode {self.mode!r}; there are {', '.join(get_args(Mode))}")
        for rule in self.rules:
            rule.check_fields()
            if rule.overrides and self.mode == "first_match":
                raise SetupError(
                    f"rule {rule.name!r} overrides others, but the first rule that holds decides alone (first_match): "
                    "give it a higher priority instead"
                )

    def _content(self) -> str:
        """Return what the version is made of; rulesets that could be written before rules had more keys keep theirs."""
        if self.mode == "strictest" and all(rule.is_plain for rule in self.rules):
            return repr([(rule.name, rule.when, rule.outcome) for rule in self.rules])
        return json.dumps(self.described(), sort_keys=True)
