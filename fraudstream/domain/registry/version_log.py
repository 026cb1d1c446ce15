"""What happened to the versions of an event type: a list that only grows, and the states that follow from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry import state_log
from fraudstream.domain.registry.state_log import StateLog
from fraudstream.domain.registry.versions import MAJOR_MAX, MINOR_MAX, Version


class State(StrEnum):
    """What a version is."""

    TRAINING = "TRAINING"
    READY = "READY"
    ACTIVE = state_log.ACTIVE
    FAILED = "FAILED"
    RETIRED = "RETIRED"
    DELETED = "DELETED"


class Action(StrEnum):
    """What was done to a version."""

    BEGIN = "begin"
    SAVE = "save"
    IMPORT = "import"
    FAIL = "fail"
    ACTIVATE = state_log.ACTIVATE
    REPLACE = state_log.REPLACE
    ROLL_BACK = state_log.ROLL_BACK
    RETIRE = state_log.RETIRE
    DELETE = state_log.DELETE


TRANSITIONS: Mapping[Action, tuple[frozenset[State | None], State]] = {
    Action.BEGIN: (frozenset({None}), State.TRAINING),
    Action.SAVE: (frozenset({State.TRAINING}), State.READY),
    Action.IMPORT: (frozenset({None}), State.READY),
    Action.FAIL: (frozenset({State.TRAINING}), State.FAILED),
    Action.ACTIVATE: (frozenset({State.READY}), State.ACTIVE),
    Action.REPLACE: (frozenset({State.ACTIVE}), State.READY),
    Action.ROLL_BACK: (frozenset({State.READY}), State.ACTIVE),
    Action.RETIRE: (frozenset({State.READY}), State.RETIRED),
    Action.DELETE: (frozenset({State.READY, State.FAILED, State.RETIRED}), State.DELETED),
}
"""Action -> the states it is allowed in (None: there is no such version yet), and the state it leads to."""

INSTEAD: Mapping[State, str] = {
    State.ACTIVE: "activate another version first",
    State.TRAINING: "wait until its training has ended",
    State.FAILED: "train again",
    State.RETIRED: "export and import it to get a version that can be activated",
    State.DELETED: "its number is not used again",
}
"""State -> what to do where it does not allow an action."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One line of a log: what was done to which version, when, by whom and why."""

    at: str
    by: str
    version: Version
    action: Action
    why: str
    manifest: str | None = None
    """SHA-256 of the manifest; set when the version was saved or imported."""

    @property
    def number(self) -> Version:
        """What it was done to."""
        return self.version

    @property
    def state(self) -> State:
        """What the version is after it."""
        return TRANSITIONS[self.action][1]

    def described(self) -> dict[str, str | None]:
        """Return it for JSON."""
        return {
            "at": self.at,
            "by": self.by,
            "version": str(self.version),
            "action": self.action.value,
            "state": self.state.value,
            "why": self.why,
            "manifest": self.manifest,
        }


class VersionLog(StateLog[Version, State, LogEntry]):
    """The entries of an event type's versions, the oldest first."""

    THING: ClassVar = "model"
    WRONG: ClassVar = "not a log of model versions"
    TRANSITIONS: ClassVar = TRANSITIONS
    INSTEAD: ClassVar = INSTEAD

    @classmethod
    def entry_of(cls, said: Any) -> LogEntry:
        """Read an entry from a line's JSON."""
        version, action = Version.parsed(said["version"]), Action(said["action"])
        return LogEntry(str(said["at"]), str(said["by"]), version, action, str(said["why"]), said["manifest"])

    def manifest_of(self, version: Version) -> str | None:
        """Return the SHA-256 of a version's manifest."""
        found = [entry.manifest for entry in self.entries if entry.version == version and entry.manifest]
        return found[-1] if found else None

    def next_version(self, major: int | None = None) -> Version:
        """Return the next major version, or the next minor one of a major; raises SetupError."""
        if major is None:
            number = max((version.major for version in self.states), default=0) + 1
            if number > MAJOR_MAX:
                raise SetupError(f"{self.event_type} has {MAJOR_MAX} major versions; there can be no more")
            return Version(number, 0)
        minors = [version.minor for version in self.states if version.major == major]
        if not minors:
            raise SetupError(
                f"no model {major}.0 of event type {self.event_type} to update; make one with: fraudstream train"
            )
        if max(minors) == MINOR_MAX:
            raise SetupError(f"{major}.{MINOR_MAX} is the last update of {major}; make a new major version")
        return Version(major, max(minors) + 1)


def activation(
    log: VersionLog, version: Version, action: Action, at: str, by: str, why: str
) -> Sequence[LogEntry]:
    """Return the entries that make a version the active one, in place of the one that is."""
    entries = [LogEntry(at, by, version, action, why)]
    if log.active is not None and log.active != version:
        entries.insert(0, LogEntry(at, by, log.active, Action.REPLACE, f"{version} became the active one"))
    return entries
