"""What the cases' pages work with: the cases in the database, and the archive."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from fraudstream.adapters.database.case_queries import CaseQueries
from fraudstream.adapters.database.cases import Cases, CaseStore
from fraudstream.adapters.event_types import event_type_named
from fraudstream.analytics.files import ArchiveFiles, Days
from fraudstream.console.app import Console
from fraudstream.console.cases.told import (
    LINKED_MAX,
    Decided,
    Told,
    days_before,
    has_entity,
    late_archive,
    linking,
    names_of,
    timeline,
    unusual_in,
)
from fraudstream.console.cases.words import Words
from fraudstream.domain.people import Permission, Person
from fraudstream.domain.review.actions import Action
from fraudstream.domain.review.case import Case
from fraudstream.evidence.archive import Evidence, History, Links, NoAnswer

NO_ARCHIVE = (
    "There is no archive yet, so only the payments of this case are shown; `fraudstream archive` keeps one."
)
LATE = "The archive has not got the newest of these payments yet; it is written every minute. Reload the page then."


class Desk:
    """Everything that the routes of cases need."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.store = CaseStore(console.engine)
        self.event_type = event_type_named(console.settings.event_type)
        own = console.settings.data_dir / "console"
        self._archive = ArchiveFiles(console.settings.archive_place, own / "archive")
        self.evidence = Evidence(self._files, own / "small-files")

    def words(self, person: Person) -> Words:
        """Return what writes for somebody."""
        return Words(person, self.event_type)

    def change(
        self,
        cases: Cases,
        person: Person,
        case_id: str,
        action: Action,
        *,
        over: bool = False,
        version: int | None = None,
    ) -> Case:
        """Do something with a case and note it in the audit trail, both or neither. Raises CaseRefused.

        `over`: whether the person wants to set aside what others have claimed or closed; few may.
        """
        over = over and person.may(Permission.REVIEW_ALL)
        case = cases.change(case_id, action, person.name, over=over, version=version)
        self.audit(person, case, action, cases)
        return case

    def audit(self, person: Person, case: Case, action: Action, cases: CaseQueries) -> None:
        """Note what was done with a case."""
        self.console.audit(
            person, f"case.{type(action).__name__.lower()}", case.id, _details(action), cases.connection
        )

    async def told(self, case: Case, payments: Sequence[Decided], looked_at: Decided) -> Told:
        """Return what the archive knows around a payment; what cannot be known now is said instead."""
        problems: list[str] = []
        history, links = await asyncio.gather(
            self._history(case, looked_at, problems),
            self._links(case, looked_at, problems),
        )
        if has_entity(case) and history.archived_until_ms is None and not problems:
            problems.append(NO_ARCHIVE)
        if late_archive(history, payments):
            problems.append(LATE)
        return Told(
            timeline(self.event_type, payments, looked_at, history),
            days_before(looked_at, history) if history.payments else (),
            unusual_in(self.event_type, looked_at, history) if history.payments else None,
            links,
            tuple(dict.fromkeys(problems)),
        )

    async def _history(self, case: Case, looked_at: Decided, problems: list[str]) -> History:
        if not has_entity(case):
            return History()
        partition = looked_at.decision.get("source", {}).get("partition")
        names = names_of(self.event_type, looked_at)
        try:
            return await self.evidence.history(case.entity, looked_at.payment.event_time, names, partition)
        except NoAnswer as error:
            problems.append(f"The card's earlier payments are not shown: {error}.")
            return History()

    async def _links(self, case: Case, looked_at: Decided, problems: list[str]) -> Links:
        values = dict(list(linking(self.event_type, looked_at).items())[:LINKED_MAX])
        try:
            return await self.evidence.links(
                case.entity if has_entity(case) else None, looked_at.payment.event_time, values
            )
        except NoAnswer as error:
            problems.append(f"What is linked is not shown: {error}.")
            return Links()

    async def _files(self, first: date, last: date) -> Sequence[Path]:
        return (await self._archive.found(Days(first, last))).all_decisions


def _details(action: Action) -> dict[str, object]:
    return {name: getattr(action, name) for name in action.__struct_fields__}
