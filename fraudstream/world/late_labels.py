"""When the truth of simulated payments becomes known, and by whom: reviews within hours, chargebacks within days, and some that are wrong.

A figure without a source is a guess at what banks see, with its reason; none was fitted to a score.
"""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from fraudstream.domain.labels import COLUMNS, LabelSource, newest
from fraudstream.domain.times import DAY_MS, HOUR_MS
from fraudstream.world.rows import Floats, Int64s

Bools = npt.NDArray[np.bool_]


class Wait(NamedTuple):
    """A lognormal distribution of waits."""

    median_ms: float
    sigma: float
    limits_ms: tuple[float, float]

    def drawn(self, rng: np.random.Generator, count: int) -> Floats:
        """Draw some."""
        return np.clip(self.median_ms * np.exp(rng.normal(0.0, self.sigma, count)), *self.limits_ms)


REVIEWED_FRAUD, REVIEWED_HONEST = 0.5, 0.002
"""Shares that somebody looks at: whoever reviews alerts sees about half of the frauds, and few others."""

REVIEW_WAIT = Wait(4 * HOUR_MS, 0.8, (HOUR_MS / 4, 48 * HOUR_MS))
"""The same working day or the next."""

REVIEW_WRONG = 0.03
"""Share of reviews that say the opposite of the truth."""

REPORTED = 0.97
"""Share of frauds that the cardholder reports; nobody notices the others, mostly small amounts."""

CHARGEBACK_WAIT = Wait(7 * DAY_MS, 0.9, (DAY_MS, 120 * DAY_MS))
"""Median: the delay that the Fraud Detection Handbook assumes (2022, chapter 5, one week). Limit: the 120 days that the rules
of Visa and Mastercard give a cardholder to dispute a payment. With this sigma, one in twenty takes over a month."""

FRIENDLY = 0.0003
"""Share of honest payments that the cardholder disputes all the same ("friendly fraud"): labels that are wrong."""

CORRECTED, CORRECTION_MS = 0.5, 30 * DAY_MS
"""Share of those in which the merchant proves the purchase, and how long after the chargeback that is known."""

UNDISPUTED_MS = 30 * DAY_MS
"""A payment that nobody has reviewed or disputed for so long counts as legitimate, until somebody does."""


TRUTH = ("is_fraud", "scenario")
"""Columns of a history that nobody knows when the payment happens."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Payments, and what they are."""

    ids: pl.Series
    """As text."""
    at_ms: Int64s
    fraud: Bools
    scenario: pl.Series

    @classmethod
    def of(cls, payments: pl.DataFrame) -> "Truth":
        """Return the truth of payments as a history holds them."""
        return cls(
            payments["tid"].cast(pl.String),
            payments["event_time"].to_numpy(),
            payments["is_fraud"].to_numpy(),
            payments["scenario"],
        )


@dataclass(slots=True)
class Labels:
    """Makes the labels of a history, a day of payments after the other, and counts them."""

    seed: int
    written: int = 0
    wrong: int = 0
    """Payments whose last label is not the truth."""

    def of(self, payments: pl.DataFrame, day: date) -> pl.DataFrame:
        """Return the labels of a day's payments, which become known on that day and later ones."""
        rng = np.random.default_rng([self.seed, 9, day.toordinal()])
        said = late_labels(Truth.of(payments), rng).with_row_index("label_offset", offset=self.written)
        said = said.select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        self.written += said.height
        last = payments.select(transaction_id=pl.col("tid").cast(pl.String), truth="is_fraud").join(
            newest(said), on="transaction_id"
        )
        self.wrong += int((last["truth"] != last["is_fraud"]).sum())
        return said

    @property
    def described(self) -> dict[str, int]:
        """What a manifest says of them."""
        return {"written": self.written, "payments_with_a_wrong_label": self.wrong}


class _Said(NamedTuple):
    """Labels of one source: which payments, fraud or not, when known."""

    which: Int64s
    fraud: Bools
    known_at: Int64s
    source: LabelSource
    note: str | None = None


def late_labels(truth: Truth, rng: np.random.Generator, speed: float = 1.0) -> pl.DataFrame:
    """Return what becomes known of payments, in order of when: the columns of archived labels, without label_offset.

    Waits pass `speed` times as fast. The label of an event that counts is the one known last.
    """
    reviewed = _reviews(truth, rng)
    disputed = _chargebacks(truth, rng)
    corrected = _corrections(truth, disputed, rng)
    early = np.zeros(len(truth.fraud), bool)
    for said in (reviewed, disputed):
        early[said.which[said.known_at - truth.at_ms[said.which] <= UNDISPUTED_MS]] = True
    quiet = np.flatnonzero(~early)
    nobody = _Said(
        quiet,
        np.zeros(len(quiet), bool),
        truth.at_ms[quiet] + UNDISPUTED_MS,
        "import",
        "nobody disputed it",
    )
    labels = pl.concat(_frame(truth, each, speed) for each in (reviewed, disputed, corrected, nobody))
    return labels.sort("known_at", maintain_order=True)


def _reviews(truth: Truth, rng: np.random.Generator) -> _Said:
    chance = np.where(truth.fraud, REVIEWED_FRAUD, REVIEWED_HONEST)
    which = np.flatnonzero(rng.random(len(chance)) < chance)
    wrong = rng.random(len(which)) < REVIEW_WRONG
    known_at = truth.at_ms[which] + REVIEW_WAIT.drawn(rng, len(which)).astype(np.int64)
    return _Said(which, truth.fraud[which] ^ wrong, known_at, "review")


def _chargebacks(truth: Truth, rng: np.random.Generator) -> _Said:
    chance = np.where(truth.fraud, REPORTED, FRIENDLY)
    which = np.flatnonzero(rng.random(len(chance)) < chance)
    known_at = truth.at_ms[which] + CHARGEBACK_WAIT.drawn(rng, len(which)).astype(np.int64)
    return _Said(which, np.ones(len(which), bool), known_at, "chargeback")


def _corrections(truth: Truth, disputed: _Said, rng: np.random.Generator) -> _Said:
    proven = ~truth.fraud[disputed.which] & (rng.random(len(disputed.which)) < CORRECTED)
    which = disputed.which[proven]
    known_at = disputed.known_at[proven] + CORRECTION_MS
    return _Said(
        which, np.zeros(len(which), bool), known_at, "chargeback", "the merchant proved the purchase"
    )


def _frame(truth: Truth, said: _Said, speed: float) -> pl.DataFrame:
    """Return labels as columns."""
    waits = said.known_at - truth.at_ms[said.which]
    known_at = truth.at_ms[said.which] + np.rint(waits / speed).astype(np.int64)
    columns = {name: dtype for name, dtype in COLUMNS.items() if name != "label_offset"}
    return pl.DataFrame(
        {
            "transaction_id": truth.ids.gather(said.which),
            "is_fraud": said.fraud,
            "scenario": truth.scenario.gather(said.which),
            "known_at": known_at,
            "label_source": pl.repeat(said.source, len(said.which), dtype=pl.String, eager=True),
            "note": pl.repeat(said.note, len(said.which), dtype=pl.String, eager=True),
        },
        schema=columns,
    )
