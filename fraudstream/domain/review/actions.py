"""What people do with a case: each action says what it makes of the case, or refuses.

`over`: whether who acts may set aside the claim of somebody else, and undo what others have done.
"""

from typing import TypeAlias

import msgspec

from fraudstream.domain.review.case import (
    CLAIM_MS,
    TAG_MAX,
    TAGS_MAX,
    TEXT_MAX,
    UNDO_MS,
    Case,
    CaseRefused,
    Finding,
    State,
    changed,
)


class Claim(msgspec.Struct, frozen=True, tag="claim"):
    """Work on it: nobody else can for a while. Claiming one's own case again makes the claim last longer."""

    lasts_ms: int = CLAIM_MS

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        _require_free(case, who, now_ms, over)
        if case.state == State.CLOSED:
            raise CaseRefused(f"the case is closed, by {case.closed_by}; reopen it to work on it")
        state = State.OPEN if case.state == State.SNOOZED else case.state
        return changed(
            case,
            now_ms,
            state=state,
            snoozed_until=None,
            claimed_by=who,
            claimed_until=now_ms + self.lasts_ms,
        )


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Give a claim back."""

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        _require_free(case, who, now_ms, over)
        return changed(case, now_ms, claimed_by=None, claimed_until=None)


class Assign(msgspec.Struct, frozen=True, tag="assign"):
    """Say who is to work on it; None: anybody."""

    to: str | None

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then; somebody else's claim ends, and an escalated case is handed back."""
        _require_open(case)
        _require_free(case, who, now_ms, over)
        kept = case.claimed(now_ms) == self.to
        back = case.state == State.ESCALATED and self.to is not None
        return changed(
            case,
            now_ms,
            state=State.OPEN if back else case.state,
            assignee=self.to,
            claimed_by=case.claimed_by if kept else None,
            claimed_until=case.claimed_until if kept else None,
        )


class SetDue(msgspec.Struct, frozen=True, tag="due"):
    """Say by when it is to be closed."""

    at: int

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        _require_open(case)
        return changed(case, now_ms, due_at=self.at)


class Snooze(msgspec.Struct, frozen=True, tag="snooze"):
    """Put it off until a moment; another alert wakes it."""

    until: int

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        _require_open(case)
        _require_free(case, who, now_ms, over)
        if self.until <= now_ms:
            raise CaseRefused("a case can be snoozed only until a time that is still to come")
        return changed(
            case,
            now_ms,
            state=State.SNOOZED,
            snoozed_until=self.until,
            claimed_by=None,
            claimed_until=None,
        )


class Escalate(msgspec.Struct, frozen=True, tag="escalate"):
    """Hand it to somebody who may do more."""

    reason: str

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        _require_open(case)
        _require_free(case, who, now_ms, over)
        return changed(
            case,
            now_ms,
            state=State.ESCALATED,
            escalated_by=who,
            reason=_said(self.reason, "say why it is escalated"),
            assignee=None,
            snoozed_until=None,
            claimed_by=None,
            claimed_until=None,
        )


class Close(msgspec.Struct, frozen=True, tag="close"):
    """Say what it was, and why; its payments get this label."""

    finding: Finding
    reason: str

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        _require_open(case)
        _require_free(case, who, now_ms, over)
        earlier = case.known_at
        return changed(
            case,
            now_ms,
            state=State.CLOSED,
            finding=self.finding,
            reason=_said(self.reason, "say why it is closed"),
            closed_by=who,
            closed_at=now_ms,
            # a clock that was set back must not let an earlier finding count
            known_at=now_ms if earlier is None else max(now_ms, earlier + 1),
            closed_from=case.state,
            snoozed_until=None,
            claimed_by=None,
            claimed_until=None,
        )


class Undo(msgspec.Struct, frozen=True, tag="undo"):
    """Take a close back before its labels are published."""

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it was before, claimed by who closed it."""
        if case.state != State.CLOSED or case.closed_at is None:
            raise CaseRefused("the case is not closed any more")
        if case.closed_by != who and not over:
            raise CaseRefused(f"the case was closed by {case.closed_by}, who alone can take it back")
        if now_ms >= case.closed_at + UNDO_MS:
            raise CaseRefused("it is too late to take the close back; reopen the case instead")
        was = case.closed_from or State.OPEN
        return _opened_again(case, now_ms, state=was, claimed_by=who, claimed_until=now_ms + CLAIM_MS)


class Reopen(msgspec.Struct, frozen=True, tag="reopen"):
    """Look at a closed case once more; its label stands until it is closed again."""

    reason: str

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        if case.state != State.CLOSED:
            raise CaseRefused(f"the case is not closed: it is {case.state}")
        if case.closed_by != who and not over:
            raise CaseRefused(
                f"the case was closed by {case.closed_by}; ask somebody who may reopen others' cases"
            )
        return _opened_again(
            case, now_ms, state=State.OPEN, reason=_said(self.reason, "say why it is reopened")
        )


class Note(msgspec.Struct, frozen=True, tag="note"):
    """Write something down, for whoever reads the case later."""

    text: str

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        _said(self.text, "a note needs a text")
        return changed(case, now_ms)


class Tag(msgspec.Struct, frozen=True, tag="tag"):
    """Put a word on it, to find it by."""

    name: str

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        name = self.name.strip()
        if not name or len(name) > TAG_MAX or not name.isprintable():
            raise CaseRefused(f"a tag has 1 to {TAG_MAX} printable characters")
        tags = tuple(sorted({*case.tags, name}))
        if len(tags) > TAGS_MAX:
            raise CaseRefused(f"a case has at most {TAGS_MAX} tags")
        return changed(case, now_ms, tags=tags)


class Untag(msgspec.Struct, frozen=True, tag="untag"):
    """Take a word off it."""

    name: str

    def done(self, case: Case, who: str, now_ms: int, over: bool = False) -> Case:
        """Return the case as it is then."""
        return changed(case, now_ms, tags=tuple(tag for tag in case.tags if tag != self.name.strip()))


Action: TypeAlias = (
    Claim | Release | Assign | SetDue | Snooze | Escalate | Close | Undo | Reopen | Note | Tag | Untag
)


def _opened_again(case: Case, now_ms: int, state: State, **fields: object) -> Case:
    """Return a closed case open; that it was known before is kept."""
    return changed(
        case,
        now_ms,
        state=state,
        finding=None,
        closed_by=None,
        closed_at=None,
        closed_from=None,
        **fields,
    )


def _require_open(case: Case) -> None:
    if case.state == State.CLOSED:
        raise CaseRefused(f"the case is closed, by {case.closed_by}")


def _require_free(case: Case, who: str, now_ms: int, over: bool) -> None:
    claimed = case.claimed(now_ms)
    if claimed not in (None, who) and not over:
        raise CaseRefused(f"{claimed} has claimed the case")


def _said(text: str, asked: str) -> str:
    """Return a text without the space around it; raises CaseRefused if it is empty or too long."""
    said = text.strip()
    if not said:
        raise CaseRefused(asked)
    if len(said) > TEXT_MAX:
        raise CaseRefused(f"a text has at most {TEXT_MAX:,} characters, this one has {len(said):,}")
    return said
