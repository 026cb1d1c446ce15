"""Which releases decide, as the changelog keeps it: a header of empty records, written at every switch and assignment."""

from collections.abc import Iterable
from typing import Any

from fraudstream.domain.releases.plan import Plans

PLANS_HEADER = "fraudstream-plans"


def plans_headers(plans: Plans) -> list[tuple[str, bytes]]:
    """Return the headers of a record that says them; none where no release was ever activated."""
    return [] if plans == Plans() else [(PLANS_HEADER, plans.to_bytes())]


def plans_in(records: Iterable[Any]) -> Plans | None:
    """Return the newest plans that records say; None if they say none."""
    found = [value for record in records for name, value in record.headers if name == PLANS_HEADER]
    return Plans.parsed(found[-1]) if found else None
