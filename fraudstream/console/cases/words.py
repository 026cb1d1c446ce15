"""What cases, what was done with them and what is unusual are called in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fraudstream.console.formatting import in_zone, told_money, told_time
from fraudstream.domain.events.event_type import EventType
from fraudstream.domain.features.catalogue import FEATURES
from fraudstream.domain.people import Person
from fraudstream.domain.review import actions
from fraudstream.domain.review.case import Case, Finding
from fraudstream.domain.review.record import CaseChange
from fraudstream.evidence.archive import HISTORY_DAYS
from fraudstream.evidence.unusual import Kind, Unusual

FINDINGS: Mapping[Finding, str] = {
    Finding.FRAUD: "fraud",
    Finding.LEGITIMATE: "legitimate",
    Finding.UNSURE: "unsure",
}

REASONS = (
    "The customer did not make these payments",
    "The customer made these payments",
    "The card was reported stolen",
    "Small payments try out a stolen card",
    "As this card always pays",
    "The customer cannot be reached",
)
"""What closing offers as reasons; any other can be written."""

SNOOZES: Mapping[str, str] = {"1": "1 hour", "4": "4 hours", "24": "1 day", "72": "3 days", "168": "1 week"}
"""Hours -> what they are called."""


def title(case: Case) -> str:
    """Say whose case it is.

    >>> title(Case(id="c", entity_kind="card", entity="98a587477db61478", card_last4="0366", opened_at=0, due_at=0, changed_at=0))
    'Card ending 0366'
    """
    kind = case.entity_kind.replace("-", " ").capitalize()
    return f"{kind} ending {case.card_last4}" if case.card_last4 else f"{kind} {case.entity[:12]}"


@dataclass(frozen=True, slots=True)
class Words:
    """Writes for one reader, of one event type."""

    person: Person
    event_type: EventType

    def money(self, amount: float) -> str:
        """Write an amount with its currency."""
        money = self.event_type.money
        return told_money(amount, money.currency, money.decimals, self.person.money_style)

    def label(self, name: str) -> str:
        """Name a feature or a variable."""
        if name in FEATURES:
            return FEATURES[name].label
        return self.event_type.declared.get(name) or name.replace("_", " ").capitalize()

    def value(self, name: str, value: Any) -> str:
        """Write the value of a feature or variable."""
        if name == "amount":
            return self.money(value)
        return f"{value:,.4g}" if isinstance(value, float) else str(value)

    def unusual(self, found: Unusual) -> str:
        """Say what is unusual."""
        who = "None" if not found.among else f"Only {found.among}"
        of = f"{who} of the {found.earlier} payments in the {HISTORY_DAYS} days before"
        if found.kind is Kind.HOUR:
            return f"{in_zone(found.value, self.person.time_zone):%H:%M}. {of} {_was(found)} made at about this time of day."
        if found.kind in (Kind.NEW, Kind.SELDOM):
            return f"{self.value(found.name, found.value)}. {of} had it; most often it was {found.usual}."
        as_much = "as much" if found.kind is Kind.HIGH else "as little"
        return f"{self.value(found.name, found.value)}. {of} had {as_much}; half of them had {self.value(found.name, found.usual)} or less."

    def change(self, change: CaseChange) -> str:
        """Say what somebody did with a case."""
        match change.action:
            case actions.Claim():
                return "claimed it"
            case actions.Release():
                return "gave it back"
            case actions.Assign(to=to):
                return "took it from whom it was assigned to" if to is None else f"assigned it to {to}"
            case actions.SetDue(at=at):
                return f"made it due at {told_time(at, self.person.time_zone)}"
            case actions.Snooze(until=until):
                return f"snoozed it until {told_time(until, self.person.time_zone)}"
            case actions.Escalate(reason=reason):
                return f"escalated it: {reason}"
            case actions.Close(finding=finding, reason=reason):
                return f"closed it as {finding}: {reason}"
            case actions.Undo():
                return "took the close back"
            case actions.Reopen(reason=reason):
                return f"reopened it: {reason}"
            case actions.Note(text=text):
                return f"noted: {text}"
            case actions.Tag(name=name):
                return f"added the tag {name}"
            case actions.Untag(name=name):
                return f"removed the tag {name}"


def _was(found: Unusual) -> str:
    return "was" if found.among <= 1 else "were"
