"""Kills console and PostgreSQL under load, and compares cases, payments and labels; for a test and for benchmarks.console."""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from sqlalchemy import func, select

from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import DatabaseUnavailable, opened
from fraudstream.adapters.database.tables import CASE_PAYMENTS, CASES, LABEL_OUTBOX
from fraudstream.domain.review.actions import Close, Undo
from fraudstream.domain.review.case import CaseRefused, Finding
from fraudstream.settings import Settings
from tests.console.intake.stage import alert, all_labels_of, cases_of
from tests.end_to_end.harness import Worker
from tests.postgresql_server import PostgreSQL

CARDS, BURST = 40, 30
PATIENCE_S = 120.0


class Analyst:
    """Claims and closes the next case, over and over; what a dead database interrupts is tried again."""

    def __init__(self, store: CaseStore, name: str) -> None:
        self._store, self._name = store, name
        self._thread = threading.Thread(target=self._work)
        self.stopped = threading.Event()
        self.failed = 0

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self.stopped.set()
        self._thread.join()

    def _work(self) -> None:
        chance = random.Random(self._name)
        while not self.stopped.wait(0.05):
            try:
                self._review(chance)
            except DatabaseUnavailable:
                self.failed += 1

    def _review(self, chance: random.Random) -> None:
        with self._store.transaction() as cases:
            case = cases.claim_next(self._name)
            if case is None:
                return
            finding = chance.choice([*Finding])
            cases.change(case.id, Close(finding, "looked at"), self._name)
        if chance.random() < 0.1:
            with self._store.transaction() as cases:
                try:
                    cases.change(case.id, Undo(), self._name)
                except CaseRefused:
                    return  # another alert of the card has opened a newer case


@dataclass(frozen=True)
class Killed:
    """What was found afterwards."""

    kills: int
    payments: int
    lost: list[str]
    """Payments that are in no case."""
    doubled: list[str]
    """Cases that count other payments than they have, and payments that are in more than one."""
    labels_wrong: list[str]
    """Payments of closed cases whose labels the topic lacks, or has with two times or findings."""
    labels_doubled: list[str]
    """Payments of which the topic has the same label more than once."""
    unpublished: list[str]
    """Cases of which the topic `cases` says something else."""
    interrupted: bool
    """Whether everybody who reviewed was interrupted by a dead database."""


async def under_kills(settings: Settings, turns: int) -> Killed:
    """While alerts come and two people close cases, kill console and database by turns; topics are there, the database is ours."""
    with ExitStack() as stack:
        server = stack.enter_context(PostgreSQL(durable=True))
        url = server.new_database()
        settings = settings.model_copy(update={"database": url})
        store = CaseStore(opened(url))
        stack.callback(store.engine.dispose)
        analysts = [Analyst(store, name) for name in ("ann", "bob")]
        for analyst in analysts:
            analyst.start()
            stack.callback(analyst.stop)
        sent = asyncio.create_task(_alerts(settings, killed := asyncio.Event()))
        for _ in range(turns):
            console = stack.enter_context(Worker(settings, ("-m", "fraudstream", "console", "--port", "0")))
            await _read_more(store)
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(1)
            await asyncio.to_thread(server.start)
            await _read_more(store)
            console.kill()
        killed.set()
        payments = await sent
        stack.enter_context(Worker(settings, ("-m", "fraudstream", "console", "--port", "0")))
        await _until(lambda: _count(store) >= len(payments))
        for analyst in analysts:
            analyst.stop()
        await _until(lambda: _nothing_to_publish(store))
        there = Counter(_all_payments(store))
        said = Counter(
            (label["transaction_id"], label["known_at"], label["fraud"])
            for label in await all_labels_of(settings)
        )
        labels = Counter(transaction_id for transaction_id, _, _ in said)
        closed, states = _closed_payments(store), _states(store)
        topic = await cases_of(settings)
        published = {each: (case["version"], case["state"]) for each, case in topic.items()}
        return Killed(
            2 * turns,
            len(payments),
            [each for each in payments if each not in there],
            [*_wrong_counts(store), *(each for each in there if there[each] > 1 or each not in payments)],
            [each for each in closed | labels if closed[each] != labels[each]],
            [transaction_id for (transaction_id, _, _), times in said.items() if times > 1],
            [each for each in states | published if states.get(each) != published.get(each)],
            all(analyst.failed for analyst in analysts),
        )


async def _alerts(settings: Settings, killed: asyncio.Event) -> list[str]:
    """Send alerts until all was killed; return their transaction ids."""
    sent: list[str] = []
    while not killed.is_set():
        burst = [(f"t{len(sent) + each}", f"card{(len(sent) + each) % CARDS}") for each in range(BURST)]
        await alert(settings, *burst)
        sent += [name for name, _ in burst]
        await asyncio.sleep(0.2)
    return sorted(sent)


async def _read_more(store: CaseStore) -> None:
    """Wait until the console has read more payments, and is in the middle of it."""
    before = _count(store)
    await _until(lambda: _count(store) > before + BURST)


async def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(true):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


def _count(store: CaseStore) -> int:
    with store.engine.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(CASE_PAYMENTS)).scalar_one())


def _all_payments(store: CaseStore) -> list[str]:
    with store.engine.connect() as connection:
        return [*connection.execute(select(CASE_PAYMENTS.c.transaction_id)).scalars()]


def _wrong_counts(store: CaseStore) -> list[str]:
    """Return the cases that have other payments than they say."""
    joined = CASES.outerjoin(CASE_PAYMENTS, CASES.c.id == CASE_PAYMENTS.c.case_id)
    counted = select(CASES.c.id).select_from(joined).group_by(CASES.c.id, CASES.c.payments)
    wrong = counted.having(func.count(CASE_PAYMENTS.c.transaction_id) != CASES.c.payments)
    with store.engine.connect() as connection:
        return [*connection.execute(wrong).scalars()]


def _nothing_to_publish(store: CaseStore) -> bool:
    with store.engine.connect() as connection:
        labels = connection.execute(select(func.count()).select_from(LABEL_OUTBOX)).scalar_one()
        behind = select(func.count()).select_from(CASES).where(CASES.c.published < CASES.c.version)
        return int(labels) + int(connection.execute(behind).scalar_one()) == 0


def _closed_payments(store: CaseStore) -> Counter[str]:
    joined = CASE_PAYMENTS.join(CASES, CASES.c.id == CASE_PAYMENTS.c.case_id)
    wanted = select(CASE_PAYMENTS.c.transaction_id).select_from(joined).where(CASES.c.state == "closed")
    with store.engine.connect() as connection:
        return Counter(connection.execute(wanted).scalars())


def _states(store: CaseStore) -> dict[str, tuple[int, str]]:
    with store.engine.connect() as connection:
        rows = connection.execute(select(CASES.c.id, CASES.c.version, CASES.c.state))
        return {row.id: (row.version, row.state) for row in rows}
