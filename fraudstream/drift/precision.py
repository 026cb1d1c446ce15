"""How precise each rule was, week after week, by the labels that are known now: those of the last weeks are still to come."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from fraudstream.backtest.labelled import NOW, Labels
from fraudstream.domain.features.schema import EVENT_TIME, RULES, TRANSACTION_ID
from fraudstream.domain.local_days import days_earlier_ms
from fraudstream.drift.week import Span

WEEK_DAYS = 7
COLUMNS = (TRANSACTION_ID.name, EVENT_TIME.name, RULES.name)


def precision_by_week(spans: Iterable[Span], labels: Labels) -> list[dict[str, Any]]:
    """Return per rule and span how many payments it matched, and what they turned out to be."""
    found = []
    for span in spans:
        matched = _matched(span)
        if matched.is_empty():
            continue
        told = labels.added_to(matched).explode(RULES.name)
        counts = told.group_by(RULES.name).agg(
            payments=pl.len(),
            fraud=(pl.col(NOW) == True).sum(),  # noqa: E712 - SQL's three values
            good=(pl.col(NOW) == False).sum(),  # noqa: E712
        )
        for row in counts.sort(RULES.name).iter_rows(named=True):
            known = row["fraud"] + row["good"]
            found.append(
                {
                    "rule": row[RULES.name],
                    "from_ms": span.start_ms,
                    "until_ms": span.end_ms,
                    "payments": row["payments"],
                    "fraud": row["fraud"],
                    "good": row["good"],
                    "unlabelled": row["payments"] - known,
                    "precision": row["fraud"] / known if known else None,
                }
            )
    return found


def _matched(span: Span) -> pl.DataFrame:
    """Return the payments of a span that some rule matched."""
    inside = pl.col(EVENT_TIME.name).is_between(span.start_ms, span.end_ms, closed="left")
    scans = [
        pl.scan_parquet(path, glob=False, hive_partitioning=False)
        .filter(inside & (pl.col(RULES.name).list.len() > 0))
        .select(COLUMNS)
        for path in span.files
    ]
    return pl.concat(scans).collect() if scans else pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.String))


def weeks_until(files: Sequence[Path], end_ms: int, weeks: int, zone: str) -> list[Span]:
    """Return the last weeks by clocks of a time zone, oldest first."""
    ends = [days_earlier_ms(end_ms, WEEK_DAYS * back, zone) for back in reversed(range(weeks + 1))]
    return [Span(files, start, end) for start, end in pairwise(ends)]
