"""A detector for few events: the features, model, rules and reasons of the one for many, without Polars.

It answers as `Detector.decide`, bit by bit; tests/agents/test_few_and_many.py compares them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fraudstream.domain.conditions import Evaluate, NotCompiled, compiled
from fraudstream.domain.detector import Detector
from fraudstream.domain.event_columns import FewEvents, Known
from fraudstream.domain.events.amounts import units_of
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES, FORMULAS
from fraudstream.domain.features.compute import filled
from fraudstream.domain.features.schema import (
    AMOUNT,
    ANOMALY_SCORE,
    CARD,
    CENTS,
    EVENT_TIME,
    FRAUD,
    FRAUD_THRESHOLD,
    INPUT,
    LISTS_AS_OF,
    MODEL_VERSION,
    OUTCOME,
    PROBABILITY,
    REASONS,
    RULES,
    RULESET_VERSION,
    SCORE,
    SNOOZED_RULES,
    WEEKLY_MISSING,
    judged_columns,
)
from fraudstream.domain.lists.table import Lists, answers
from fraudstream.domain.model import anomaly_scores, insight_scores
from fraudstream.domain.reasons import sentences
from fraudstream.domain.rules import is_alert
from fraudstream.domain.rules.snoozing import awake
from fraudstream.domain.weekly import UNKNOWN


class FewDetector:
    """Decides few events as a detector decides many."""

    def __init__(self, detector: Detector, conditions: Sequence[Evaluate], mentioned: Sequence[str]) -> None:
        self._detector = detector
        self._rules = list(zip(detector.ruleset.evaluated, conditions, strict=True))
        self._judge = detector.ruleset.judge_of
        self._mentioned = mentioned
        self._inputs = detector.model.inputs
        self._formulas = {name: FORMULAS[name] for name in detector.model.features if name in FORMULAS}

    @classmethod
    def of(cls, detector: Detector, event_type: EventType) -> "FewDetector | None":
        """Return a detector for few events; None if only Polars computes all of the event type's features and rules."""
        if event_type.derived or event_type.weekly.each:
            return None
        inputs = {column.name: column.dtype for column in event_type.inputs}
        features = {name: FEATURES[name].column.dtype for name in detector.model.features if name in FEATURES}
        columns = judged_columns(event_type.entity is not None) | inputs | features | event_type.columns
        columns |= {call.column.name: call.column.dtype for call in detector.ruleset.calls}
        conditions = [rule.condition() for rule in detector.ruleset.evaluated]
        try:
            evaluated = [compiled(each, columns) for each in conditions]
        except NotCompiled:
            return None
        mentioned = [name for each in conditions for name in each.meta.root_names()]
        needed = [column.name for column in detector.ruleset.judge_of.needs]
        return cls(detector, evaluated, [*mentioned, *needed])

    def decide(self, events: FewEvents, lists: Lists | None = None) -> None:
        """Add features, probability, score, outcome, fraud, rules and reasons; `lists`: others than the detector's."""
        detector, rows = self._detector, events.rows
        model = detector.model
        events.add(Known(AMOUNT, events.numbers(CENTS.name) / units_of(detector.decimals)))
        for name, formula in self._formulas.items():
            events.add(Known(FEATURES[name].column, formula(events.numbers)))
        if self._inputs.each:
            events.add(*self._inputs.known(events.columns.__getitem__))
        taken = filled(rows, [events.numbers(name) for name in model.features])
        probability = model.probabilities(taken).astype(np.float64) if rows else np.zeros(0)
        anomaly = anomaly_scores(model, taken)
        events.add(
            Known(PROBABILITY, probability),
            Known(SCORE, np.rint(probability * 1000).astype(np.int32)),
            Known(FRAUD, probability > detector.fraud_threshold),
            Known(FRAUD_THRESHOLD, [detector.fraud_threshold] * rows),
            Known(ANOMALY_SCORE, [None] * rows if anomaly is None else anomaly),
            Known(MODEL_VERSION, [model.version] * rows),
            Known(RULESET_VERSION, [detector.ruleset.version] * rows),
            *insight_scores(model, detector.ruleset.mentioned, probability),
        )
        judged = self._judged(events, self._detector.lists if lists is None else lists)
        for place, column in enumerate(self._judge.columns):
            events.add(Known(column, [each[place] for each in judged]))
        outcomes = events.values(OUTCOME)
        reasons = self._reasons(events, taken, outcomes)
        events.add(Known(REASONS, detector.ruleset.with_reasons(events.values(RULES), outcomes, reasons)))

    def _judged(self, events: FewEvents, lists: Lists) -> list[tuple[Any, ...]]:
        """Return what the rules say of each event, and add what lists do."""
        calls = self._detector.ruleset.calls
        names = self._mentioned
        if calls or lists.has_snoozes:
            times = events.values(EVENT_TIME)
            for call in calls:
                values = events.columns[call.variable]
                events.add(Known(call.column, answers(call, lists, values, times)))
            events.add(Known(LISTS_AS_OF, [lists.revision] * events.rows))
            names = [*names, EVENT_TIME.name, CARD.name]
        rows = [events.row(position, names) for position in range(events.rows)]
        held = [[rule for rule, holds in self._rules if holds(row)] for row in rows]
        if lists.has_snoozes:
            held, snoozed = awake(lists, held, rows)
            events.add(Known(SNOOZED_RULES, snoozed))
        judged, nothing = self._judge.judged, self._judge.nothing
        return [judged(rules, row) if rules else nothing for rules, row in zip(held, rows, strict=True)]

    def _reasons(
        self, events: FewEvents, taken: npt.NDArray[np.float32], outcomes: Sequence[str]
    ) -> list[list[str]]:
        reasons: list[list[str]] = [[] for _ in outcomes]
        alerts = [position for position, outcome in enumerate(outcomes) if is_alert(outcome)]
        if alerts:
            model = self._detector.model
            names = dict.fromkeys(
                (
                    *(column.name for column in INPUT if events.has(column)),
                    *model.features,
                    *model.inputs.variables,
                )
            )
            missing = events.values(WEEKLY_MISSING)
            rows = [(events.row(position, names), missing[position] in UNKNOWN) for position in alerts]
            said = sentences(rows, taken[alerts], model, self._detector.decimals)
            for position, each in zip(alerts, said, strict=True):
                reasons[position] = each
        return reasons
