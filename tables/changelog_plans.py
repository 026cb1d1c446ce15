"""Which releases decide, and with which lists, as the changelog keeps it: a header of empty records, written at every switch and assignment."""

from collections.abc import Iterable
from typing import Any

from fraudstream.domain.releases.plan import Plans

PLANS_HEADER = "fraudstream-plans"


NOTHING_SAID = Plans()


def plans_headers(plans: Plans) -> list[tuple[str, bytes]]:
    """Return the headers of a record that says them; none where there was never anything to say."""
    return [] if plans == NOTHING_SAID else [(PLANS_HEADER, plans.to_bytes())]


def plans_in(records: Iterable[Any], before: Plans = NOTHING_SAID) -> Plans:
    """Return the plans after these records; `before`: those before them."""
    plans = before
    for record in records:
        for name, value in record.headers:
            if name == PLANS_HEADER:
                plans = Plans.parsed(value).after(plans)
    return plans
