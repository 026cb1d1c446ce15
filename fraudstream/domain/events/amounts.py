"""Amounts as producers write them become an exact whole number of the currency's minor units, or are refused with a reason."""

import math
import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from fraudstream.domain.errors import InvalidTransaction, SetupError

HUNDREDTHS = 2
"""Decimals of most currencies, and of what the simulated world pays."""

DECIMALS_MAX = 4
"""ISO 4217 has currencies without decimals (JPY) and up to four (CLF)."""

MINOR_UNITS_MAX = 10**14
"""1,000,000,000,000.00 of a currency with two decimals: what an entry holds, and a float of a history, exactly."""

Refunds = Literal["decide", "refuse"]
REFUNDS: tuple[str, ...] = get_args(Refunds)
"""What may become of amounts below zero."""

Form = Literal["units", "minor-units"]
FORMS: tuple[str, ...] = get_args(Form)
"""How producers may write amounts: 12.50, or 1250."""

NOISE = 1e-4
"""How far a JSON number may be from a whole minor unit, as a share of one: 0.1 + 0.2 is 0.30000000000000004. Numbers beyond
ten thousand million have larger gaps between them, and may be as far off as these."""

PLAIN = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?").fullmatch

SHAPES: tuple[tuple[str, str], ...] = (
    (r"\s*", "is blank"),
    (r"\s.*|.*\s", "has spaces around it"),
    (r".*,.*", "has a comma"),
    (r"[+-]?[0-9.]+[eE][+-]?[0-9]+", "has an exponent"),
    (r"(?i)[+-]?(nan|inf|infinity)", "is not a number"),
    (r"\+.*", "has a plus sign"),
)
"""What a text looks like, and what to say of it."""


def units_of(decimals: int) -> int:
    """Return how many minor units one unit of a currency has.

    >>> units_of(0), units_of(2), units_of(3)
    (1, 100, 1000)
    """
    return int(10**decimals)


def rounded_units(amounts: npt.NDArray[np.float64], decimals: int = HUNDREDTHS) -> npt.NDArray[np.int64]:
    """Round the amounts of a history to minor units, half to even, as the nightly SQL does.

    Raises SetupError for an amount that no event type with so many decimals allows.

    >>> rounded_units(np.array([0.125, -12.5, 0.0])).tolist(), rounded_units(np.array([0.005]), 3).tolist()
    ([12, -1250, 0], [5])
    """
    units = np.rint(amounts * units_of(decimals))
    beyond = np.flatnonzero(np.abs(units) > MINOR_UNITS_MAX)
    if len(beyond):
        raise SetupError(
            f"the history has an amount of {amounts[beyond[0]]:.{decimals}f}, and with {decimals} decimals none is beyond "
            f"{MINOR_UNITS_MAX / units_of(decimals):.{decimals}f}"
        )
    return units.astype(np.int64)


@dataclass(frozen=True, slots=True)
class Money:
    """What an event type says of its amounts."""

    currency: str
    decimals: int
    """Of the currency (ISO 4217): 2 for hundredths, 0 for yen."""
    amount_max: float
    """The limit of a refund, too, without its sign."""
    refunds: str
    """What becomes of an amount below zero, one of REFUNDS."""
    form: str = "units"
    """How amounts are written, one of FORMS."""
    amount_min: float = field(init=False, repr=False)
    """0 where refunds are refused."""
    units: int = field(init=False, repr=False)
    """Minor units of one unit of the currency."""

    def __post_init__(self) -> None:
        if type(self.decimals) is not int or not 0 <= self.decimals <= DECIMALS_MAX:
            raise SetupError(
                f"the event type's decimals are {self.decimals!r}, not a whole number from 0 to {DECIMALS_MAX}"
            )
        if self.refunds not in REFUNDS:
            raise SetupError(
                f"the event type's refunds are {self.refunds!r}, not one of {', '.join(REFUNDS)}"
            )
        if self.form not in FORMS:
            raise SetupError(f"the event type's amounts are in {self.form!r}, not in {' or '.join(FORMS)}")
        object.__setattr__(self, "units", units_of(self.decimals))
        object.__setattr__(self, "amount_min", 0.0 if self.refunds == "refuse" else -self.amount_max)
        if not 0 < self.amount_max * self.units <= MINOR_UNITS_MAX:
            limit = self._text(MINOR_UNITS_MAX / self.units)
            raise SetupError(
                f"the event type's largest amount is {self._text(self.amount_max)}; write a number above 0 that is at most {limit}"
            )

    def minor_units(self, amount: float | str) -> int:
        """Return an amount in minor units: a JSON number, or plain decimal text, exactly; raises InvalidTransaction."""
        if self.form == "minor-units":
            return self._counted(amount)
        if isinstance(amount, str):
            return self._exact_units(self._decimal(amount))
        if not self.amount_min <= amount <= self.amount_max:
            self._check_limits(amount)
        units = amount * self.units
        whole = round(units)
        if not -NOISE < units - whole < NOISE and abs(units - whole) > 2 * math.ulp(units):
            raise self._too_fine()
        return whole

    def _counted(self, amount: float | str) -> int:
        """Return an amount that is written in minor units already."""
        number = self._decimal(amount) if isinstance(amount, str) else amount
        self._check_limits(float(number) / self.units)
        if number != int(number):
            raise InvalidTransaction(
                "amount-decimals", "the amount is not a whole number, but is declared in minor units"
            )
        return int(number)

    def _exact_units(self, amount: Decimal) -> int:
        self._check_limits(float(amount))
        units = amount * self.units
        if units != int(units):
            raise self._too_fine()
        return int(units)

    def _check_limits(self, amount: float) -> None:
        if not self.amount_min <= amount <= self.amount_max:
            reason = "amount-negative" if amount < self.amount_min == 0 else "amount-absurd"
            least, most = self._text(self.amount_min), self._text(self.amount_max)
            raise InvalidTransaction(reason, f"the amount is not between {least} and {most}")

    def _text(self, amount: float) -> str:
        return f"{amount:.{self.decimals}f}"

    def _too_fine(self) -> InvalidTransaction:
        return InvalidTransaction(
            "amount-decimals",
            f"the amount has more than the {self.decimals} decimals of {self.currency}: round it before it is sent",
        )

    def _decimal(self, text: str) -> Decimal:
        if PLAIN(text):
            return Decimal(text)
        said = next(
            (said for shape, said in SHAPES if re.fullmatch(shape, text, re.DOTALL)),
            "is not a plain decimal",
        )
        raise InvalidTransaction(
            "invalid-field",
            f"the amount is text that {said}: send a number, or plain decimal text such as 1250.00",
        )
