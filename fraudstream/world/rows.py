"""Payments as columns, as every part of the simulated world produces them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SCENARIOS = (
    "everyday",
    "shopping-trip",
    "machine-taps",
    "group-fare",
    "double-charge",
    "shipped-order",
    "subscription",
    "refund",
    "shared-card",
    "chain",
    "card-testing",
    "patient-chain",
    "account-takeover",
    "merchant-compromise",
    "high-amount",
    "compromised-terminal",
    "leaked-card",
)
"""Why a payment happened; fraud from `chain` on; the last three are the Handbook's. Written beside each payment, never shown to a model."""

(
    EVERYDAY,
    SHOPPING_TRIP,
    MACHINE_TAPS,
    GROUP_FARE,
    DOUBLE_CHARGE,
    SHIPPED_ORDER,
    SUBSCRIPTION,
    REFUND,
    SHARED_CARD,
    CHAIN,
    CARD_TESTING,
    PATIENT_CHAIN,
    ACCOUNT_TAKEOVER,
    MERCHANT_COMPROMISE,
    HIGH_AMOUNT,
    COMPROMISED_TERMINAL,
    LEAKED_CARD,
) = range(len(SCENARIOS))
LAST_IN_PERSON = GROUP_FARE
"""Scenarios up to here are paid in person by one person; other honest payments are made by merchants' machines, or by two people."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Columns of equal length. Cards, merchants and zip codes are indices into the population's tables."""

    card: Int64s
    at_ms: Int64s
    cents: Int64s
    merchant: Int64s
    zip_code: Int64s
    scenario: Int64s

    def __len__(self) -> int:
        return len(self.card)

    @property
    def is_fraud(self) -> npt.NDArray[np.bool_]:
        """The label: every payment of an attack, including the first."""
        return self.scenario >= CHAIN

    def take(self, which: npt.NDArray[np.bool_] | Int64s) -> "Rows":
        """Return some rows, by mask or by position."""
        return Rows(*(getattr(self, field.name)[which] for field in fields(self)))

    def between(self, first_ms: int, end_ms: int) -> "Rows":
        """Return the rows with first_ms <= time < end_ms."""
        return self.take((self.at_ms >= first_ms) & (self.at_ms < end_ms))

    def in_order(self) -> "Rows":
        """Return the rows by time; rows of the same millisecond keep their order."""
        return self.take(np.argsort(self.at_ms, kind="stable"))


def concat(parts: Sequence[Rows]) -> Rows:
    """Return all rows of some parts, one part after the other."""
    return Rows(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Rows)))


NOTHING = Rows(*(np.empty(0, dtype=np.int64) for _ in fields(Rows)))
