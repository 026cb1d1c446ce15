"""Phrases that reasons are made of. A row holds the columns of INPUT and of the model, and the two named here."""

from collections.abc import Mapping
from typing import Any

FAR = 2.0
"""From twice the norm on, the multiple is given instead of per cent; at a tenth of it or less, only "far below"."""

WEEK_UNKNOWN = "week_unknown"
"""True where no weekly aggregates were found, which is not the same as an entity without payments in its week."""

DECIMALS = "decimals"
"""The currency's, in every row."""

Row = Mapping[str, Any]


def compared(value: float, norm: float) -> str:
    """Say in which direction and how far a value is from a norm.

    >>> compared(3.04, 1.0), compared(1.2, 1.0), compared(1.0, 1.0), compared(0.15, 1.0), compared(0.01, 1.0)
    ('3.0 times', '20 % above', 'equal to', '85 % below', 'far below')
    """
    ratio = value / norm
    if ratio >= FAR:
        return f"{ratio:.1f} times"
    if ratio <= 1 / (5 * FAR):
        return "far below"
    per_cent = round(100 * abs(ratio - 1))
    return "equal to" if not per_cent else f"{per_cent} % {'above' if ratio > 1 else 'below'}"


def compared_with_week(row: Row, value: float, what: str) -> str:
    """Compare a sum of money, which `what` says in words, with the week's mean."""
    if row[WEEK_UNKNOWN]:
        return f"{what}, and nothing is known of the week before"
    usual = row["avg_amt_last_1w"]
    if usual <= 0:
        return f"{what}, without a payment in the week before"
    return f"{what} {compared(value, usual)} the usual {money(row, usual)}"


def money(row: Row, amount: float) -> str:
    """Write a sum of money with the decimals of its currency."""
    return f"{amount:.{row[DECIMALS]}f}"


def amount_paid(row: Row) -> str:
    """Say what was paid, or paid back."""
    amount = row["amount"]
    return f"refund of {money(row, -amount)}" if amount < 0 else f"amount of {money(row, amount)}"


def payments_within(count: int, span: str) -> str:
    """Say how many payments there were.

    >>> payments_within(1, "one minute"), payments_within(2, "ten minutes")
    ('1 payment within one minute', '2 payments within ten minutes')
    """
    return f"{count} payment{'' if count == 1 else 's'} within {span}"
