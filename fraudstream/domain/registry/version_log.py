"""What happened to the versions of an event type: a list that only grows, and the states that follow from it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from fraudstream.domain.errors import SetupError
from fraudstream.domain.registry.versions import MAJOR_MAX, MINOR_MAX, Version


class State(StrEnum):
    """What a version is."""

    TRAINING = "TRAINING"
    READY = "READY"
    ACTIVE = "ACTIVE"
    FAILED = "FAILED"
    RETIRED = "RETIRED"
    DELETED = "DELETED"


class Action(StrEnum):
    """What was done to a version."""

    BEGIN = "begin"
    SAVE = "save"
    IMPORT = "import"
    FAIL = "fail"
    ACTIVATE = "activate"
    REPLACE = "replace"
    ROLL_BACK = "roll-back"
    RETIRE = "retire"
    DELETE = "delete"


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


WRONG = "not a log of model versions"
RESTORE = "restore the file from a backup"


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


@dataclass(frozen=True)
class VersionLog:
    """The entries of an event type's versions, the oldest first."""

    event_type: str
    entries: tuple[LogEntry, ...] = ()

    @classmethod
    def parsed(cls, event_type: str, content: bytes, place: str) -> "VersionLog":
        """Read lines of JSON; raises SetupError that names the line."""
        entries = []
        for number, line in enumerate(content.splitlines(), 1):
            try:
                said = json.loads(line)
                version, action = Version.parsed(said["version"]), Action(said["action"])
                entries.append(
                    LogEntry(
                        str(said["at"]), str(said["by"]), version, action, str(said["why"]), said["manifest"]
                    )
                )
            except (ValueError, KeyError, TypeError, SetupError) as error:
                raise SetupError(f"{place}, line {number}: {WRONG} ({error}); {RESTORE}") from error
        try:
            return cls(event_type).with_entries(entries)
        except SetupError as error:
            raise SetupError(f"{place}: {WRONG} ({error}); {RESTORE}") from error

    def to_bytes(self) -> bytes:
        """Return it as lines of JSON."""
        return "".join(json.dumps(entry.described()) + "\n" for entry in self.entries).encode()

    @cached_property
    def states(self) -> dict[Version, State]:
        """Version -> its state, in the order of their numbers; deleted ones included, because their numbers are used up."""
        found = {entry.version: entry.state for entry in self.entries}
        return {version: found[version] for version in sorted(found)}

    @cached_property
    def _activations(self) -> list[Version]:
        """The versions that were active and could be again, the active one last; rolling back removes the last."""
        stack: list[Version] = []
        for entry in self.entries:
            if entry.action is Action.ACTIVATE:
                stack.append(entry.version)
            elif entry.action is Action.ROLL_BACK:
                stack.pop()
            elif entry.action in (Action.RETIRE, Action.DELETE):
                stack = [version for version in stack if version != entry.version]
        return stack

    @property
    def active(self) -> Version | None:
        """The version that workers load."""
        return next((version for version, state in self.states.items() if state is State.ACTIVE), None)

    @property
    def previous(self) -> Version | None:
        """The version to roll back to: the one active before the active one, unless retired or deleted."""
        return next((each for each in reversed(self._activations) if each != self.active), None)

    def manifest_of(self, version: Version) -> str | None:
        """Return the SHA-256 of a version's manifest."""
        found = [entry.manifest for entry in self.entries if entry.version == version and entry.manifest]
        return found[-1] if found else None

    def of(self, version: Version) -> list[LogEntry]:
        """Return what happened to one version."""
        return [entry for entry in self.entries if entry.version == version]

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

    def with_entries(self, entries: Iterable[LogEntry]) -> "VersionLog":
        """Return it with more entries; raises SetupError if a version's state does not allow one."""
        entries = tuple(entries)
        states = dict(self.states)
        for entry in entries:
            self._check(entry, states.get(entry.version))
            states[entry.version] = entry.state
        return VersionLog(self.event_type, (*self.entries, *entries))

    def _check(self, entry: LogEntry, state: State | None) -> None:
        if state in TRANSITIONS[entry.action][0]:
            return
        if state is None:
            raise SetupError(f"no model {entry.version} of event type {self.event_type}")
        instead = INSTEAD.get(state, "choose another version")
        raise SetupError(
            f"cannot {entry.action} model {entry.version} of event type {self.event_type}: it is {state}; {instead}"
        )


def activation(
    log: VersionLog, version: Version, action: Action, at: str, by: str, why: str
) -> Sequence[LogEntry]:
    """Return the entries that make a version the active one, in place of the one that is."""
    entries = [LogEntry(at, by, version, action, why)]
    if log.active is not None and log.active != version:
        entries.insert(0, LogEntry(at, by, log.active, Action.REPLACE, f"{version} became the active one"))
    return entries
