"""How good past decisions were, by the labels known so far: precision, recall and money for every day of payments.

A worker cannot say this: labels come days after its decisions, to the topic `labels`. The archive has both. Two things are said with
the figures. A day's figures move for weeks, as labels come. And blocked payments seldom get a label, since nobody disputes a
payment that did not happen: what rules with `pass_share` let through by chance stands for them, weighted by 1 / propensity
(Horvitz and Thompson 1952, "A generalization of sampling without replacement from a finite universe").
"""

import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.objects import NoSuchObject
from fraudstream.domain.features.schema import AMOUNT, OUTCOME, PASSED_RULES, PROPENSITY, TRANSACTION_ID
from fraudstream.domain.labels import newest
from fraudstream.domain.rules.outcomes import is_alert

DECIDED = (TRANSACTION_ID, AMOUNT, OUTCOME, PASSED_RULES, PROPENSITY)
"""What is read of a decision; the last two are there only if a rule leaves a share of events alone."""

BLOCK = "block"

LOOKS = 3
"""How often files are listed anew because a compaction has replaced one of them."""

COUNTS: Mapping[str, str] = {
    "payments": "decided payments",
    "alerts": "of them not approved",
    "blocked": "of them blocked",
    "labelled": "payments with a label",
    "fraud": "labelled fraud",
    "caught": "labelled fraud that was not approved",
    "missed": "labelled fraud that was approved",
    "wrong_alerts": "alerts labelled legitimate",
    "blocked_unlabelled": "blocked payments without a label",
    "let_through": "payments that a rule held for and let through by chance",
    "never_let_through": "blocked payments that had no chance of it",
    "weighted_caught": "fraud that rules held for, estimated",
    "weighted_missed": "fraud that no rule held for, estimated",
    "weighted_wrong": "legitimate payments that rules held for, estimated",
}
"""What is counted of a day, and what it means."""

AMOUNTS = ("caught_amount", "missed_amount", "weighted_caught_amount")


@dataclass(frozen=True, slots=True)
class Span:
    """Days of payments, and until when what became known of them counts; None: no limit."""

    since: date | None = None
    until: date | None = None
    """Not included."""
    known_until_ms: int | None = None

    def holds(self, day: date) -> bool:
        """Tell whether a day is one of them."""
        return (self.since is None or day >= self.since) and (self.until is None or day < self.until)


async def daily(decisions: Lake, labels: Lake, span: Span) -> AsyncIterator[dict[str, Any]]:
    """Yield the figures of each day, the oldest first; a day's payments are in memory at a time, and all labels."""
    known = await _known(labels, span)
    for day in sorted({file.day for file in await decisions.files() if span.holds(file.day)}):
        parts = await _read(decisions, f"date={day}/", [column.name for column in DECIDED])
        decided = pl.concat(parts, how="diagonal")
        labelled = decided.join(known, on=TRANSACTION_ID.name, how="left")
        yield {"day": str(day), **with_ratios(counted(labelled))}


def total(days: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the figures of several days together."""
    several = list(days)
    return with_ratios(
        {name: sum(each[name] for each in several) for name in (*COUNTS, *AMOUNTS)},
    )


def counted(labelled: pl.DataFrame) -> dict[str, float]:
    """Count decisions with their labels: the columns of DECIDED, the last two if they are there, and is_fraud (null: no label)."""
    nothing = {PASSED_RULES.name: pl.lit(None, PASSED_RULES.dtype), PROPENSITY.name: pl.lit(1.0)}
    frame = labelled.with_columns(
        **{name: value for name, value in nothing.items() if name not in labelled.columns}
    ).select(
        AMOUNT.name,
        fraud=pl.col("is_fraud"),
        labelled=pl.col("is_fraud").is_not_null(),
        alert=is_alert(labelled[OUTCOME.name]),
        blocked=labelled[OUTCOME.name] == BLOCK,
        passed=pl.col(PASSED_RULES.name).list.len().fill_null(0) > 0,
        propensity=pl.col(PROPENSITY.name).fill_null(1.0),
    )
    fraud, legitimate = pl.col("fraud").fill_null(value=False), ~pl.col("fraud").fill_null(value=True)
    alert, blocked, held = pl.col("alert"), pl.col("blocked"), pl.col("alert") | pl.col("passed")
    weight = pl.when(blocked).then(0.0).otherwise(1.0 / pl.col("propensity"))
    amount = pl.col(AMOUNT.name)
    figures: dict[str, float] = frame.select(
        payments=pl.len(),
        alerts=alert.sum(),
        blocked=blocked.sum(),
        labelled=pl.col("labelled").sum(),
        fraud=fraud.sum(),
        caught=(fraud & alert).sum(),
        missed=(fraud & ~alert).sum(),
        wrong_alerts=(legitimate & alert).sum(),
        blocked_unlabelled=(blocked & ~pl.col("labelled")).sum(),
        let_through=(pl.col("passed") & ~blocked).sum(),
        never_let_through=(blocked & (pl.col("propensity") == 1.0)).sum(),
        weighted_caught=(weight * (fraud & held)).sum(),
        weighted_missed=(weight * (fraud & ~held)).sum(),
        weighted_wrong=(weight * (legitimate & held)).sum(),
        caught_amount=(amount * (fraud & alert)).sum(),
        missed_amount=(amount * (fraud & ~alert)).sum(),
        weighted_caught_amount=(weight * amount * (fraud & held)).sum(),
    ).row(0, named=True)
    return figures


def with_ratios(figures: Mapping[str, float]) -> dict[str, Any]:
    """Add precision and recall, counted and estimated; None where there is nothing to divide by."""
    names = {
        "precision": ("caught", "wrong_alerts"),
        "recall": ("caught", "missed"),
        "weighted_precision": ("weighted_caught", "weighted_wrong"),
        "weighted_recall": ("weighted_caught", "weighted_missed"),
    }
    return {**figures, **{name: _share(*(figures[each] for each in pair)) for name, pair in names.items()}}


def _share(part: float, rest: float) -> float | None:
    return part / (part + rest) if part + rest else None


async def _read(lake: Lake, prefix: str, columns: list[str]) -> list[pl.DataFrame]:
    """Return all files of a prefix, with hashes as ids; a compaction may replace some meanwhile."""

    async def every() -> list[pl.DataFrame]:
        hashed = pl.col(TRANSACTION_ID.name).hash()
        return [(await lake.read(file, columns)).with_columns(hashed) for file in await lake.files(prefix)]

    for _ in range(LOOKS - 1):
        with contextlib.suppress(NoSuchObject):
            return await every()
    return await every()


async def _known(labels: Lake, span: Span) -> pl.DataFrame:
    """Return the label that counts of each event: columns transaction_id and is_fraud.

    Ids are 64 bits of a hash, a quarter of their text's memory; that two of ten million are alike happens once in 370,000 times.
    """
    columns = ["transaction_id", "is_fraud", "known_at", "label_offset"]
    parts = await _read(labels, "date=", columns)
    if not parts:
        return pl.DataFrame(schema={"transaction_id": pl.UInt64, "is_fraud": pl.Boolean})
    everything = pl.concat(parts).with_columns(scenario=pl.lit(None, pl.String))
    return newest(everything, span.known_until_ms).select("transaction_id", "is_fraud")
