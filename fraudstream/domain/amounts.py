"""Amounts: however a producer writes them, an exact whole number of the currency's minor units, or a refusal that says why."""

import re
from dataclasses import dataclass, field
from decimal import Decimal

from fraudstream.domain.errors import InvalidTransaction, SetupError

HUNDREDTHS = 2
"""Decimals that windows, weekly aggregates and models count in."""

MINOR_UNITS_MAX = 2**31 - 1
"""What an entry of the ten minutes holds, with its sign: 21,474,836.47."""

REFUNDS = ("decide", "refuse")
"""What may become of amounts below zero."""

NOISE = 1e-4
"""Of a minor unit: so far from a whole number a JSON number may be, because 0.1 + 0.2 is 0.30000000000000004."""

PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?").fullmatch

SHAPES: tuple[tuple[str, str], ...] = (
    (r"\s*", "is blank"),
    (r"\s.*|.*\s", "has spaces around it"),
    (r".*,.*", "has a comma"),
    (r"[+-]?[0-9.]+[eE][+-]?[0-9]+", "has an exponent"),
    (r"(?i)[+-]?(nan|inf|infinity)", "is no number"),
    (r"\+.*", "has a plus sign"),
)
"""What a text looks like, and what to say of it."""


@dataclass(frozen=True, slots=True)
class Money:
    """What an event type says of its amounts."""

    currency: str
    decimals: int
    """Of the currency (ISO 4217): 2 for hundredths."""
    amount_max: float
    """Of a refund, too, without its sign."""
    refunds: str
    """What becomes of an amount below zero, one of REFUNDS."""
    amount_min: float = field(init=False, repr=False)
    """0 where refunds are refused."""
    _units: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.decimals != HUNDREDTHS:
            raise SetupError(
                f"the event type's decimals are {self.decimals}: this release counts money in hundredths, decimals = {HUNDREDTHS}"
            )
        if self.refunds not in REFUNDS:
            raise SetupError(
                f"the event type's refunds are {self.refunds!r}, not one of {', '.join(REFUNDS)}"
            )
        object.__setattr__(self, "_units", 10**self.decimals)
        object.__setattr__(self, "amount_min", 0.0 if self.refunds == "refuse" else -self.amount_max)
        if not 0 < self.amount_max * self._units <= MINOR_UNITS_MAX:
            raise SetupError(
                f"the event type's amount_max is {self.amount_max:.2f}, which is not between 0 and {MINOR_UNITS_MAX / 100:.2f}"
            )

    def minor_units(self, amount: float | str) -> int:
        """Return an amount in minor units: a JSON number, or plain decimal text, exactly; raises InvalidTransaction."""
        if isinstance(amount, str):
            return self._exact_units(self._decimal(amount))
        self._check_limits(amount)
        units = amount * self._units
        whole = round(units)
        if not -NOISE < units - whole < NOISE:
            raise self._too_fine()
        return whole

    def _exact_units(self, amount: Decimal) -> int:
        self._check_limits(amount)
        units = amount * self._units
        if units != int(units):
            raise self._too_fine()
        return int(units)

    def _check_limits(self, amount: float | Decimal) -> None:
        if not self.amount_min <= amount <= self.amount_max:
            reason = "amount-negative" if amount < self.amount_min == 0 else "amount-absurd"
            said = f"the amount is not between {self.amount_min:.2f} and {self.amount_max:.2f}"
            raise InvalidTransaction(reason, said)

    def _too_fine(self) -> InvalidTransaction:
        return InvalidTransaction(
            "amount-decimals",
            f"the amount has more than the {self.decimals} decimals of {self.currency}: round it before it is sent",
        )

    def _decimal(self, text: str) -> Decimal:
        if PLAIN(text):
            return Decimal(text)
        said = next((said for shape, said in SHAPES if re.fullmatch(shape, text, re.DOTALL)), "is none")
        raise InvalidTransaction(
            "invalid-field",
            f"the amount is text that {said}: send a number, or plain decimal text as 1250.00",
        )
