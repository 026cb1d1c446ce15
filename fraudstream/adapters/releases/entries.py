"""What people do to releases, as entries of the log: each is a function of the log, which may have changed meanwhile."""

from collections.abc import Callable, Sequence

from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.errors import SetupError
from fraudstream.domain.releases.release_log import Action, ReleaseEntry, ReleaseLog, State, put

Entries = Callable[[ReleaseLog], Sequence[ReleaseEntry]]


def passed(store: Releases, number: int, why: str) -> Entries:
    """Say that a draft passed every check."""

    def entries(log: ReleaseLog) -> Sequence[ReleaseEntry]:
        if log.states[number] is not State.DRAFT:
            return []
        return [store.entry(log, number, Action.CHECK, why or "passed every check")]

    return entries


def activated(store: Releases, number: int, why: str) -> Entries:
    """Let a release decide, in place of the one that does."""

    def entries(log: ReleaseLog) -> Sequence[ReleaseEntry]:
        if log.active == number:
            return []
        return put(log, store.entry(log, number, Action.ACTIVATE, why))

    return entries


def rolled_back(store: Releases, why: str) -> Entries:
    """Let the release decide that did before."""

    def entries(log: ReleaseLog) -> Sequence[ReleaseEntry]:
        if log.active is None or log.previous is None:
            raise SetupError(
                f"no release of event type {log.event_type} was active before {log.active or 'now'}; "
                "choose one with: fraudstream releases activate"
            )
        return put(log, store.entry(log, log.previous, Action.ROLL_BACK, why))

    return entries


def shadowed(store: Releases, number: int, why: str) -> Entries:
    """Let a release be the challenger."""

    def entries(log: ReleaseLog) -> Sequence[ReleaseEntry]:
        if log.states[number] is State.SHADOW:
            return []
        return put(log, store.entry(log, number, Action.SHADOW, why))

    return entries


def on_canary(store: Releases, number: int, share: float, why: str) -> Entries:
    """Let a release decide a share of the entities; again with another share it grows or shrinks."""

    def entries(log: ReleaseLog) -> Sequence[ReleaseEntry]:
        if log.states[number] is State.CANARY and log.of(number)[-1].share == share:
            return []
        return put(log, store.entry(log, number, Action.CANARY, why, share))

    return entries


def stopped(store: Releases, number: int, why: str) -> Entries:
    """Let a release be neither canary nor challenger any more."""
    return lambda log: [store.entry(log, number, Action.STOP, why)]


def stopped_by_guardrail(store: Releases, number: int, why: Sequence[str]) -> Entries:
    """Stop a canary that hit guardrails, unless somebody did already."""

    def entries(log: ReleaseLog) -> Sequence[ReleaseEntry]:
        if log.states[number] is not State.CANARY:
            return []
        return [store.entry(log, number, Action.STOP, f"guardrail: {'; '.join(why)}")]

    return entries


def retired(store: Releases, number: int, why: str) -> Entries:
    """Say that a release is no longer to be used."""
    return lambda log: [store.entry(log, number, Action.RETIRE, why)]
