"""What people do to releases in the console: the same as the commands do, audited, and by two where that is set."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fraudstream.adapters.database.proposals import Proposal, Proposals
from fraudstream.adapters.releases import changing, entries
from fraudstream.adapters.releases.changing import Untold
from fraudstream.adapters.releases.entries import Entries
from fraudstream.adapters.releases.store import Releases
from fraudstream.console.app import Console
from fraudstream.console.releases.workshop import Workshop
from fraudstream.domain.errors import SetupError
from fraudstream.domain.people import Person
from fraudstream.domain.releases.release import name_of
from fraudstream.domain.releases.release_log import READY, ReleaseEntry, ReleaseLog, State

KIND = "release"
"""Of proposals."""


class Asked(NamedTuple):
    """What somebody wants to do to a release."""

    action: str
    number: int
    share: float | None = None
    why: str = ""


class Action(NamedTuple):
    """A button."""

    label: str
    states: frozenset[State]
    """Of the releases that have it."""
    entries: Callable[[Releases, Asked], Entries]
    told: bool = True
    """Whether workers are told, for which a broker has to answer."""
    loaded: bool = False
    """Whether the release is checked once more first."""
    by_two: bool = False
    """Whether somebody else has to approve it, if that is set: what puts a release into use, and nothing that takes one back."""


ACTIONS = {
    "check": Action(
        "Check it",
        frozenset({State.DRAFT}),
        lambda store, asked: entries.passed(store, asked.number, asked.why),
        False,
        True,
    ),
    "shadow": Action(
        "Shadow",
        frozenset({State.CHECKED, State.CANARY}),
        lambda store, asked: entries.shadowed(store, asked.number, asked.why),
        loaded=True,
    ),
    "canary": Action(
        "Canary",
        READY,
        lambda store, asked: entries.on_canary(store, asked.number, asked.share or 0.0, asked.why),
        loaded=True,
        by_two=True,
    ),
    "activate": Action(
        "Activate",
        READY,
        lambda store, asked: entries.activated(store, asked.number, asked.why),
        loaded=True,
        by_two=True,
    ),
    "stop": Action(
        "Stop",
        frozenset({State.SHADOW, State.CANARY}),
        lambda store, asked: entries.stopped(store, asked.number, asked.why),
    ),
    "rollback": Action(
        "Roll back", frozenset({State.ACTIVE}), lambda store, asked: entries.rolled_back(store, asked.why)
    ),
    "retire": Action(
        "Retire",
        frozenset({State.DRAFT, State.CHECKED}),
        lambda store, asked: entries.retired(store, asked.number, asked.why),
        told=False,
    ),
}


class OthersActed(SetupError):
    """Somebody else did something to releases after a page was made."""


@dataclass(frozen=True)
class Acting:
    """Does it."""

    console: Console
    workshop: Workshop

    @property
    def proposals(self) -> Proposals:
        """What waits for somebody else."""
        return Proposals(self.console.engine)

    def ask(self, person: Person, asked: Asked, seen: int) -> Proposal | None:
        """Do something, or propose it; `seen`: the revision of the log that the person has looked at. Raises SetupError."""
        action = _action(asked)
        if action.by_two and self.console.settings.releases_by_two:
            store = self.workshop.releases(person.name)
            _unchanged(seen)(store.log())
            store.require(store.log(), asked.number)
            share = "" if asked.share is None else f" {asked.share:.2%}"
            subject = f"{asked.action} {name_of(store.event_type, asked.number)}{share}"
            return self.proposals.propose(person, KIND, subject, asked._asdict(), asked.why)
        self._do(person, asked, person.name, _unchanged(seen))
        return None

    def approve(self, person: Person, proposal_id: str) -> Asked:
        """Do what somebody else has proposed; raises SetupError."""
        with self.proposals.approving(person, proposal_id) as approved:
            asked = Asked(**approved.document)
            self._do(person, asked, f"{approved.proposed_by} and {person.name}", lambda log: None)
        return asked

    def _do(self, person: Person, asked: Asked, by: str, check: Callable[[ReleaseLog], None]) -> None:
        settings, store, action = self.console.settings, self.workshop.releases(by), _action(asked)
        if action.loaded:
            changing.checked(settings, store, asked.number)
        made = action.entries(store, asked)

        def checked(log: ReleaseLog) -> Sequence[ReleaseEntry]:
            check(log)
            return made(log)

        try:
            log = (
                asyncio.run(changing.changed(settings, store, checked))
                if action.told
                else store.append(checked)
            )
        except Untold:
            self._audit(person, asked, store.log(), told=False)
            raise
        self._audit(person, asked, log, told=True)

    def _audit(self, person: Person, asked: Asked, log: ReleaseLog, told: bool) -> None:
        details = {"why": asked.why, "share": asked.share, "revision": log.revision, "workers_told": told}
        subject = name_of(log.event_type, asked.number)
        self.console.audit(person, f"{KIND}.{asked.action}", subject, details)


def _action(asked: Asked) -> Action:
    if asked.action not in ACTIONS:
        raise SetupError(f"nothing is called {asked.action[:20]!r} that can be done to a release")
    if asked.action == "canary" and not 0 < (asked.share or 0) <= 1:
        raise SetupError("a canary decides a share of the entities: above 0 %, at most 100 %")
    return ACTIONS[asked.action]


def _unchanged(seen: int) -> Callable[[ReleaseLog], None]:
    """Return what raises OthersActed if the log has grown."""

    def check(log: ReleaseLog) -> None:
        if log.revision != seen:
            last = log.entries[-1]
            raise OthersActed(
                f"{last.by} did this since you opened the page: {last.action} {name_of(log.event_type, last.release)}, "
                f"{last.at[:16]} UTC; nothing of yours was done: look at it, and do it again if it is still right"
            )

    return check
