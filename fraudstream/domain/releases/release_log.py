"""What happened to the releases of an event type, and what decides since: each line of the log is a revision."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from fraudstream.domain.registry import state_log
from fraudstream.domain.registry.state_log import StateLog
from fraudstream.domain.releases.release import checked_sha256


class State(StrEnum):
    """What a release is."""

    DRAFT = "DRAFT"
    CHECKED = "CHECKED"
    SHADOW = "SHADOW"
    CANARY = "CANARY"
    ACTIVE = state_log.ACTIVE
    RETIRED = "RETIRED"


class Action(StrEnum):
    """What was done to a release."""

    DRAFT = "draft"
    CHECK = "check"
    SHADOW = "shadow"
    CANARY = "canary"
    STOP = "stop"
    ACTIVATE = state_log.ACTIVATE
    REPLACE = state_log.REPLACE
    ROLL_BACK = state_log.ROLL_BACK
    RETIRE = state_log.RETIRE


READY = frozenset({State.CHECKED, State.SHADOW, State.CANARY})

TRANSITIONS: Mapping[Action, tuple[frozenset[State | None], State]] = {
    Action.DRAFT: (frozenset({None}), State.DRAFT),
    Action.CHECK: (frozenset({State.DRAFT}), State.CHECKED),
    Action.SHADOW: (frozenset({State.CHECKED, State.CANARY}), State.SHADOW),
    Action.CANARY: (READY, State.CANARY),
    Action.STOP: (frozenset({State.SHADOW, State.CANARY}), State.CHECKED),
    Action.ACTIVATE: (READY, State.ACTIVE),
    Action.REPLACE: (frozenset({State.ACTIVE}), State.CHECKED),
    Action.ROLL_BACK: (READY, State.ACTIVE),
    Action.RETIRE: (frozenset({State.DRAFT, State.CHECKED}), State.RETIRED),
}
"""Action -> the states it is allowed in (None: there is no such release yet), and the state it leads to."""

INSTEAD: Mapping[State, str] = {
    State.DRAFT: "check it first: fraudstream releases check",
    State.SHADOW: "stop it first: fraudstream releases stop",
    State.CANARY: "stop it first: fraudstream releases stop",
    State.ACTIVE: "activate another release first",
    State.RETIRED: "draft one with the same content and another note",
}
"""State -> what to do where it does not allow an action."""


class Role(StrEnum):
    """What a release can be to workers; also the end of a key in the control topic."""

    CHAMPION = "champion"
    CANARY = "canary"
    CHALLENGER = "challenger"


ROLES = {Role.CHAMPION: State.ACTIVE, Role.CANARY: State.CANARY, Role.CHALLENGER: State.SHADOW}


@dataclass(frozen=True, slots=True)
class ReleaseEntry:
    """One line of a log: what was done to which release, when, by whom and why."""

    at: str
    by: str
    release: int
    action: Action
    why: str
    sha256: str
    """Identity of the release."""
    share: float | None = None
    """Of the entities that a canary decides."""

    @property
    def number(self) -> int:
        """What it was done to."""
        return self.release

    @property
    def state(self) -> State:
        """What the release is after it."""
        return TRANSITIONS[self.action][1]

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        return {
            "at": self.at,
            "by": self.by,
            "release": self.release,
            "action": self.action.value,
            "state": self.state.value,
            "why": self.why,
            "sha256": self.sha256,
            "share": self.share,
        }


@dataclass(frozen=True, slots=True)
class Assigned:
    """Which release has a role since which revision; none if `release` is None."""

    release: int | None
    sha256: str | None
    revision: int
    at: str = ""
    by: str = ""
    share: float | None = None


NOBODY = Assigned(None, None, 0)


class ReleaseLog(StateLog[int, State, ReleaseEntry]):
    """The entries of an event type's releases, the oldest first."""

    THING: ClassVar = "release"
    WRONG: ClassVar = "not a log of releases"
    TRANSITIONS: ClassVar = TRANSITIONS
    INSTEAD: ClassVar = INSTEAD

    @classmethod
    def entry_of(cls, said: Any) -> ReleaseEntry:
        """Read an entry from a line's JSON."""
        number, share = said["release"], said["share"]
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{number!r} is not the number of a release")
        return ReleaseEntry(
            str(said["at"]),
            str(said["by"]),
            number,
            Action(said["action"]),
            str(said["why"]),
            checked_sha256(said["sha256"]),
            None if share is None else float(share),
        )

    @property
    def revision(self) -> int:
        """How many entries there are."""
        return len(self.entries)

    @property
    def next_number(self) -> int:
        """The number of the next release; numbers are not used again."""
        return max(self.states, default=0) + 1

    def sha256_of(self, number: int) -> str:
        """Return the identity of a release that is there."""
        return next(entry.sha256 for entry in self.entries if entry.release == number)

    def number_of(self, sha256: str) -> int | None:
        """Return the number of a release by its identity."""
        return next((entry.release for entry in self.entries if entry.sha256 == sha256), None)

    def roles(self) -> dict[Role, Assigned]:
        """Return who has each role, since the revision that last changed it."""
        held = dict.fromkeys(Role, NOBODY)
        for revision, entry in enumerate(self.entries, 1):
            for role, state in ROLES.items():
                if entry.state is state:
                    held[role] = Assigned(
                        entry.release, entry.sha256, revision, entry.at, entry.by, entry.share
                    )
                elif held[role].release == entry.release:
                    held[role] = Assigned(None, None, revision, entry.at, entry.by)
        return held

    def holding(self, state: State) -> Iterator[int]:
        """Yield the releases in a state."""
        return (number for number, there in self.states.items() if there is state)


def put(log: ReleaseLog, entry: ReleaseEntry) -> Sequence[ReleaseEntry]:
    """Return the entries for an action; one that gives a release a role takes it from the release that has it."""
    if entry.state not in ROLES.values():
        return [entry]
    leaves = Action.REPLACE if entry.state is State.ACTIVE else Action.STOP
    before = [
        ReleaseEntry(
            entry.at, entry.by, number, leaves, f"{entry.release} took its place", log.sha256_of(number)
        )
        for number in log.holding(entry.state)
        if number != entry.release
    ]
    return [*before, entry]
