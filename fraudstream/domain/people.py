"""Who may do what in the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fraudstream.domain.card_numbers import without_card_numbers
from fraudstream.domain.errors import SetupError


class Permission(StrEnum):
    """What not everybody may do; to look at cases, results, the stream and releases needs none of them."""

    REVIEW = "review"
    """Claim cases, and close one's own."""
    REVIEW_ALL = "review-all"
    """Assign and close many cases at once, and reopen those of others."""
    WRITE_RULES = "write-rules"
    """Draft rules, and change lists."""
    RELEASE = "release"
    """Put a release into use, and take it back."""
    MANAGE_PEOPLE = "manage-people"
    """Invite people, change their roles, disable them; make and revoke keys of programs."""
    READ_AUDIT = "read-audit"
    """Read the audit trail, and who there is."""
    QUERY = "query"
    """Ask the archive in SQL."""
    RESEND = "resend"
    """Send dead letters again."""


class Role(StrEnum):
    """What somebody is in the group."""

    ANALYST = "analyst"
    LEAD = "lead"
    ENGINEER = "engineer"
    AUDITOR = "auditor"
    ADMIN = "admin"


ALLOWED: Mapping[Role, frozenset[Permission]] = {
    Role.ANALYST: frozenset({Permission.REVIEW}),
    Role.LEAD: frozenset(
        {
            Permission.REVIEW,
            Permission.REVIEW_ALL,
            Permission.WRITE_RULES,
            Permission.RELEASE,
            Permission.QUERY,
        }
    ),
    Role.ENGINEER: frozenset(
        {Permission.WRITE_RULES, Permission.RELEASE, Permission.QUERY, Permission.RESEND}
    ),
    Role.AUDITOR: frozenset({Permission.READ_AUDIT, Permission.QUERY}),
    Role.ADMIN: frozenset(Permission),
}
"""What each role may do. An auditor reads everything and changes nothing."""

ROLE_WORDS: Mapping[Role, str] = {
    Role.ANALYST: "reviews cases",
    Role.LEAD: "reviews, assigns and reopens cases, writes rules and releases them",
    Role.ENGINEER: "writes rules, releases, queries the archive, sends dead letters again",
    Role.AUDITOR: "reads everything, the audit trail too, and changes nothing",
    Role.ADMIN: "everything, and who else may do what",
}
"""What a role does, for the people who give it."""


class MoneyStyle(StrEnum):
    """How somebody wants currencies to be written."""

    CODE = "code"
    """1,234.50 EUR"""
    SYMBOL = "symbol"
    """€1,234.50"""


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is logged in."""

    id: str
    name: str
    """What they log in with."""
    shown: str
    """What others see."""
    role: Role
    time_zone: str = "UTC"
    money_style: MoneyStyle = MoneyStyle.CODE

    def may(self, permission: Permission) -> bool:
        """Tell whether they may do that."""
        return permission in ALLOWED[self.role]


def without_number(name: str) -> str:
    """Return what somebody is or something is called; raises SetupError if that holds a card number, which would be kept and shown."""
    if without_card_numbers(name) != name:
        raise SetupError("a name cannot hold a card number")
    return name
