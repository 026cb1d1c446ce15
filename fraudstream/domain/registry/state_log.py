"""A log of what happened to numbered things, such as model versions: it only grows, and their states follow from it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from fraudstream.domain.errors import SetupError

ACTIVATE, REPLACE, ROLL_BACK = "activate", "replace", "roll-back"
RETIRE, DELETE = "retire", "delete"
"""Actions that every kind of log has."""

ACTIVE = "ACTIVE"
"""The state of what workers use."""

RESTORE = "restore the file from a backup"

Number_co = TypeVar("Number_co", covariant=True)
State_co = TypeVar("State_co", covariant=True)


class Entry(Protocol[Number_co, State_co]):
    """One line of a log: what was done, to what."""

    @property
    def number(self) -> Number_co:
        """What it was done to."""
        ...

    @property
    def action(self) -> str:
        """What was done."""
        ...

    @property
    def state(self) -> State_co:
        """What it is after it."""
        ...

    def described(self) -> dict[str, Any]:
        """Return it for JSON."""
        ...


Number = TypeVar("Number")
State = TypeVar("State", bound=str)
E = TypeVar("E", bound=Entry[Any, Any])


@dataclass(frozen=True)
class StateLog(Generic[Number, State, E]):
    """The entries of an event type, the oldest first. A subclass says what they are about and what is allowed."""

    event_type: str
    entries: tuple[E, ...] = ()

    THING: ClassVar[str]
    """What has numbers, such as a model."""
    WRONG: ClassVar[str]
    """What to say of a file that is no such log."""
    TRANSITIONS: ClassVar[Mapping[Any, tuple[frozenset[Any], Any]]]
    """Action -> the states it is allowed in (None: there is no such number yet), and the state it leads to."""
    INSTEAD: ClassVar[Mapping[Any, str]]
    """State -> what to do where it does not allow an action."""

    @classmethod
    def entry_of(cls, said: Any) -> E:
        """Read an entry from a line's JSON; raises ValueError, KeyError, TypeError or SetupError."""
        raise NotImplementedError

    @classmethod
    def parsed(cls, event_type: str, content: bytes, place: str) -> Self:
        """Read lines of JSON; raises SetupError that names the line."""
        entries = []
        for number, line in enumerate(content.splitlines(), 1):
            try:
                entries.append(cls.entry_of(json.loads(line)))
            except (ValueError, KeyError, TypeError, SetupError) as error:
                raise SetupError(f"{place}, line {number}: {cls.WRONG} ({error}); {RESTORE}") from error
        try:
            return cls(event_type).with_entries(entries)
        except SetupError as error:
            raise SetupError(f"{place}: {cls.WRONG} ({error}); {RESTORE}") from error

    def to_bytes(self) -> bytes:
        """Return it as lines of JSON."""
        return "".join(json.dumps(entry.described()) + "\n" for entry in self.entries).encode()

    @cached_property
    def states(self) -> dict[Number, State]:
        """Number -> its state, in order; deleted ones included, because their numbers are used up."""
        found: dict[Any, State] = {entry.number: entry.state for entry in self.entries}
        return {number: found[number] for number in sorted(found)}

    @property
    def active(self) -> Number | None:
        """The one that workers use."""
        return next((number for number, state in self.states.items() if state == ACTIVE), None)

    @property
    def previous(self) -> Number | None:
        """The one to roll back to: active before the active one, unless retired or deleted."""
        return next((each for each in reversed(self._activations) if each != self.active), None)

    @cached_property
    def _activations(self) -> list[Number]:
        """Those that were active and could be again, the active one last; rolling back removes the last."""
        stack: list[Number] = []
        for entry in self.entries:
            if entry.action == ACTIVATE:
                stack.append(entry.number)
            elif entry.action == ROLL_BACK:
                stack.pop()
            elif entry.action in (RETIRE, DELETE):
                stack = [number for number in stack if number != entry.number]
        return stack

    def of(self, number: Number) -> list[E]:
        """Return what happened to one of them."""
        return [entry for entry in self.entries if entry.number == number]

    def with_entries(self, entries: Iterable[E]) -> Self:
        """Return it with more entries; raises SetupError if a state does not allow one."""
        entries = tuple(entries)
        states: dict[Any, Any] = dict(self.states)
        for entry in entries:
            self._check(entry, states.get(entry.number))
            states[entry.number] = entry.state
        return type(self)(self.event_type, (*self.entries, *entries))

    def _check(self, entry: E, state: State | None) -> None:
        if state in self.TRANSITIONS[entry.action][0]:
            return
        if state is None:
            raise SetupError(f"no {self.THING} {entry.number} of event type {self.event_type}")
        instead = self.INSTEAD.get(state, f"choose another {self.THING}")
        raise SetupError(
            f"cannot {entry.action} {self.THING} {entry.number} of event type {self.event_type}: it is {state}; {instead}"
        )
