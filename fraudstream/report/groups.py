"""Groups of payments that the page shows side by side: weeks, positions in an attack, segments; and the best entities of a day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.times import DAY_MS
from fraudstream.offline.ranking import Ints, Ranking
from fraudstream.report.judged import Judged

MONDAY_MS = 4 * DAY_MS
"""The first Monday of 1970."""

ATTACK_GAP_MS = DAY_MS
"""Frauds of one entity that are further apart than this are two attacks."""

POSITIONS = 6
"""Positions in an attack that are shown by themselves; the last stands for it and all later ones."""

ENTITIES_A_DAY = 100
"""Entities (cards) that can be looked at in a day."""

VALUES_MAX = 12
"""A variable with more distinct values is no segment."""

AMOUNT_QUANTILES = (0.5, 0.9, 0.99)

NOT_SEGMENTS = {"is_fraud", "event_time", "transaction_id", "amount", "card_code"}


@dataclass(frozen=True, slots=True)
class Grouping:
    """A name, the names of its groups, and the group of each payment (negative: none)."""

    name: str
    groups: Sequence[str]
    of: npt.NDArray[Any]


def counted(judged: Judged, grouping: Grouping) -> dict[str, Any]:
    """Return, per group, payments and frauds, and how many of each are alerted at every threshold."""
    count = len(grouping.groups)
    inside = grouping.of >= 0
    alerted = judged.alerted(grouping.of, count, np.ones(len(judged.scores), bool))
    caught = judged.alerted(grouping.of, count, judged.fraud)
    payments = np.bincount(grouping.of[inside], minlength=count)
    frauds = np.bincount(grouping.of[inside & judged.fraud], minlength=count)
    rows = [
        {
            "name": name,
            "payments": int(payments[at]),
            "fraud": int(frauds[at]),
            "alerts": [int(n) for n in alerted[at]],
            "caught": [int(n) for n in caught[at]],
        }
        for at, name in enumerate(grouping.groups)
    ]
    return {"name": grouping.name, "groups": rows}


def everything(judged: Judged) -> Grouping:
    """All payments as one group."""
    return Grouping("all", ("all",), np.zeros(len(judged.scores), np.int64))


def weeks(judged: Judged) -> Grouping:
    """Weeks from Monday to Sunday (UTC), by their first day."""
    numbers = (judged.times_ms - MONDAY_MS) // (7 * DAY_MS)
    known, of = np.unique(numbers, return_inverse=True)
    starts = [datetime.fromtimestamp((n * 7 * DAY_MS + MONDAY_MS) / 1000, UTC) for n in known.tolist()]
    return Grouping("week", [f"{start:%Y-%m-%d}" for start in starts], of)


def weekly_auc(judged: Judged, grouping: Grouping) -> list[float | None]:
    """Return the AUC of each group; None where all payments are of one kind."""
    found: list[float | None] = []
    for at in range(len(grouping.groups)):
        rows = grouping.of == at
        fraud = judged.fraud[rows]
        mixed = fraud.any() and not fraud.all()
        found.append(Ranking.of(fraud, judged.scores[rows]).curve().auc() if mixed else None)
    return found


def positions(judged: Judged) -> Grouping | None:
    """Frauds by their position in the attack on their entity: 1 is the first; None without entities."""
    if judged.entities is None:
        return None
    of = np.full(len(judged.scores), -1, np.int64)
    rows = np.flatnonzero(judged.fraud)
    rows = rows[np.lexsort((judged.times_ms[rows], judged.entities[rows]))]
    of[rows] = np.minimum(positions_in_runs(judged.entities[rows], judged.times_ms[rows]), POSITIONS - 1)
    names = [*(str(number) for number in range(1, POSITIONS)), f"{POSITIONS} and later"]
    return Grouping("position in the attack", names, of)


def positions_in_runs(entities: Ints, times_ms: Ints) -> Ints:
    """Return each fraud's position in its attack, from 0; frauds are in order of entity and time.

    >>> positions_in_runs(np.array([7, 7, 7, 8]), np.array([0, 5, 5 + ATTACK_GAP_MS + 1, 6])).tolist()
    [0, 1, 0, 0]
    """
    begins = np.ones(len(entities), bool)
    begins[1:] = (entities[1:] != entities[:-1]) | (np.diff(times_ms) > ATTACK_GAP_MS)
    at = np.arange(len(entities))
    return at - np.maximum.accumulate(np.where(begins, at, 0))


def entity_precision(judged: Judged, count: int = ENTITIES_A_DAY) -> list[dict[str, Any]]:
    """Return, per day (UTC), how many of the `count` entities with the highest scores of that day had fraud on it.

    Card precision top-k of the Fraud Detection Handbook (Le Borgne and others 2022), here with cards caught earlier left in.
    """
    if judged.entities is None:
        return []
    frame = pl.DataFrame(
        {
            "day": judged.times_ms // DAY_MS,
            "entity": judged.entities,
            "score": judged.scores,
            "fraud": judged.fraud,
        }
    )
    by_entity = frame.group_by("day", "entity").agg(pl.col("score").max(), pl.col("fraud").any())
    best = by_entity.sort("score", descending=True).group_by("day").head(count)
    by_day = best.group_by("day").agg(pl.len().alias("looked_at"), pl.col("fraud").sum().alias("hits"))
    with_fraud = by_entity.group_by("day").agg(pl.col("fraud").sum().alias("with_fraud"))
    return [
        {
            "day": f"{datetime.fromtimestamp(day * DAY_MS / 1000, UTC):%Y-%m-%d}",
            "looked_at": looked_at,
            "hits": hits,
            "with_fraud": frauds,
        }
        for day, looked_at, hits, frauds in by_day.join(with_fraud, "day").sort("day").iter_rows()
    ]


def segments(judged: Judged) -> Iterator[Grouping]:
    """Yield groupings of all payments: by amount, hour, kind of fraud if known, and variables with few values."""
    edges = np.unique(np.quantile(judged.amounts, AMOUNT_QUANTILES))
    bands = [f"to {edges[0]:,.2f}"]
    bands += [f"to {high:,.2f}" for high in edges[1:]] + [f"above {edges[-1]:,.2f}"]
    yield Grouping("amount", bands, np.searchsorted(edges, judged.amounts, side="left"))
    hours = judged.times_ms % DAY_MS // (DAY_MS // 24)
    yield Grouping("hour (UTC)", [f"{start:02} to {start + 4:02}" for start in range(0, 24, 4)], hours // 4)
    for column in judged.frame.iter_columns():
        few = column.dtype in (pl.String, pl.Boolean, pl.Categorical) or column.dtype.is_integer()
        if few and column.name not in NOT_SEGMENTS and 2 <= column.n_unique() <= VALUES_MAX:
            known = column.unique().sort(nulls_last=True)
            ranks = pl.Series(range(len(known)), dtype=pl.Int64)
            of = column.replace_strict(known, ranks, return_dtype=pl.Int64).to_numpy()
            names = ["(missing)" if value is None else str(value) for value in known.to_list()]
            yield Grouping(column.name, names, of)
