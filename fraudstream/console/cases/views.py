"""Which cases the queue shows: its views and filters, each of them an address."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from fraudstream.adapters.database.case_queries import View
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Person

WAITING, MINE, DUE, ESCALATED, SNOOZED, CLOSED = "waiting", "mine", "due", "escalated", "snoozed", "closed"

VIEWS: Mapping[str, tuple[str, View]] = {
    WAITING: ("Waiting", View(ready=True)),
    MINE: ("Mine", View()),
    DUE: ("Overdue", View(order="due", overdue=True)),
    ESCALATED: ("Escalated", View(queue="escalated")),
    SNOOZED: ("Snoozed", View(order="due", snoozed=True)),
    CLOSED: ("Closed", View(queue="closed", order="closed")),
}
"""Name in the address -> what people call it, and which cases it has."""

EMPTY: Mapping[str, str] = {
    WAITING: "No case waits. An alert with outcome review opens one, and so does a payment that was let through by chance.",
    MINE: "You have claimed no case, and none is assigned to you. Claim the next one from Waiting.",
    DUE: "No case is overdue.",
    ESCALATED: "Nobody has escalated a case. Escalating hands a case to those who may do more.",
    SNOOZED: "No case is snoozed. Another alert of the card wakes a snoozed case.",
    CLOSED: "No case is closed yet. Closing one labels its payments, for training and for the figures.",
}
"""What a view says while it has no case, and how one comes to be there."""

AT_RISK = (100, 1_000, 10_000)
"""What the links over the queue ask of the money at risk."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A view with filters, as an address has them."""

    name: str = WAITING
    tag: str = ""
    at_risk: float | None = None
    after: str = ""
    """The last case of the page before."""

    @classmethod
    def of(cls, view: str, tag: str, at_risk: str, after: str) -> "Asked":
        """Read them; raises SetupError."""
        if view not in VIEWS:
            raise SetupError(f"there is no view {view[:40]}; there are {', '.join(VIEWS)}")
        return cls(view, tag.strip()[:40], _amount(at_risk), after[:40])

    def view(self, person: Person) -> View:
        """Return what the database is asked."""
        found = VIEWS[self.name][1]
        if self.name == MINE:
            found = replace(found, whose=person.name)
        thousandths = None if self.at_risk is None else round(self.at_risk * 1000)
        return replace(found, tag=self.tag or None, at_risk_min_thousandths=thousandths)

    def link(self, **changed: object) -> str:
        """Return the address of this view with something changed."""
        fields = {"view": self.name, "tag": self.tag, "at_risk": self.at_risk, "after": ""} | changed
        if fields["view"] == WAITING:
            fields["view"] = ""
        said = {name: _plain(value) for name, value in fields.items() if value not in ("", None)}
        return f"/cases?{urlencode(said)}" if said else "/cases"


def _amount(text: str) -> float | None:
    if not text.strip():
        return None
    try:
        amount = float(text.replace(",", ""))
    except ValueError:
        amount = math.nan
    if not 0 <= amount <= 1e12:
        raise SetupError("money at risk is a number, such as 100")
    return amount


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
