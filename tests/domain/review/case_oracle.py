"""What a case must be, worked out from everything that was done with it, newest first; nothing is remembered in between."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from fraudstream.domain.review.actions import (
    Action,
    Assign,
    Claim,
    Close,
    Escalate,
    Release,
    Reopen,
    Snooze,
    Undo,
)
from fraudstream.domain.review.case import CLAIM_MS, UNDO_MS

ENDS_CLAIM = (Release, Snooze, Escalate, Close, Reopen)


class Done(NamedTuple):
    """Something that was done with a case and not refused; an alert is done by nobody."""

    at: int
    who: str
    action: Action | str


class CaseOracle:
    """One case."""

    def __init__(self, entity: str) -> None:
        self.entity = entity
        self.log: list[Done] = []

    @property
    def payments(self) -> list[str]:
        """Their transaction ids."""
        return [done.action for done in self.log if isinstance(done.action, str)]

    def closed(self) -> Done | None:
        """Return the close that stands."""
        for done in reversed(self.log):
            if isinstance(done.action, Undo | Reopen):
                return None
            if isinstance(done.action, Close):
                return done
        return None

    def claimer(self, now_ms: int) -> str | None:
        """Return who has it."""
        assigned: list[str | None] = []
        for done in reversed(self.log):
            if isinstance(done.action, ENDS_CLAIM):
                return None
            if isinstance(done.action, Assign):
                assigned.append(done.action.to)
            if isinstance(done.action, Claim | Undo):
                lasts = now_ms < done.at + CLAIM_MS
                return done.who if lasts and {*assigned} <= {done.who} else None
        return None

    def state(self) -> str:
        """Return its state."""
        return "closed" if self.closed() else self._before(len(self.log))

    def _before(self, end: int) -> str:
        """Return the state after the first `end` things, of a case that is open then."""
        for place, done in reversed([*enumerate(self.log[:end])]):
            match done.action:
                case Escalate():
                    return "escalated"
                case Snooze():
                    return "snoozed"
                case Reopen():
                    return "open"
                case Assign(to=str()) if self._before(place) == "escalated":
                    return "open"
                case Claim() | str():
                    return self._unless_snoozed(place)
                case Undo():
                    closed_at = max(i for i in range(place) if isinstance(self.log[i].action, Close))
                    return self._before(closed_at)
                case _:
                    continue
        return "open"

    def _unless_snoozed(self, place: int) -> str:
        was = self._before(place)
        return "open" if was == "snoozed" else was

    def allows(self, action: Action, who: str, now_ms: int, over: bool) -> bool:
        """Tell whether something may be done; texts, times and tags are well-formed here."""
        return not any(self._against(action, who, now_ms, over))

    def _against(self, action: Action, who: str, now_ms: int, over: bool) -> Iterator[bool]:
        close, claimer = self.closed(), self.claimer(now_ms)
        name = type(action).__name__
        if name in {"Claim", "Release", "Assign", "Snooze", "Escalate", "Close"}:
            yield claimer is not None and claimer != who and not over
        if name in {"Claim", "Assign", "Snooze", "Escalate", "Close", "SetDue"}:
            yield close is not None
        if name in {"Undo", "Reopen"}:
            yield close is None or (close.who != who and not over)
        if name == "Undo":
            yield close is None or now_ms - close.at >= UNDO_MS

    def labels(self) -> dict[tuple[str, int], Any]:
        """Return the labels that its closes have made: transaction id and when that was known -> whether it is fraud."""
        made: dict[tuple[str, int], Any] = {}
        known_at = 0
        for place, done in enumerate(self.log):
            if isinstance(done.action, Close):
                known_at = max(done.at, known_at + 1)
                taken_back = any(isinstance(later.action, Undo) for later in self._until_close(place))
                payments = [each.action for each in self.log[:place] if isinstance(each.action, str)]
                for payment in [] if taken_back else payments:
                    made[payment, known_at] = done.action.finding.is_fraud
        return made

    def _until_close(self, place: int) -> Iterator[Done]:
        for done in self.log[place + 1 :]:
            if isinstance(done.action, Close):
                return
            yield done
