"""The topic `lists` as tests of workers need it, and payments that are decided or half decided."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.kafka.publisher import ProduceResults
from fraudstream.agents.delivery import OutputBatch
from fraudstream.domain.lists.entries import SNOOZE, Change
from fraudstream.domain.lists.table import ListTable
from fraudstream.domain.rules import Rule, Ruleset
from fraudstream.domain.tokens import Tokenizer
from tests.agents.memory_worker import MemoryWorker, until
from tests.agents.test_scoring import CARDS, Payment, paid
from tests.domain.lists.test_lists import NOON_MS, ON

TOKENS = [Tokenizer(bytes(32)).token(card) for card in CARDS[:2]]
PUT, REMOVED = ([Change("deny", token, said) for token in TOKENS] for said in (ON, None))
ANY = Rule("any", "amount > 0", "review")
ASKING = replace(
    event_type_named("card"), ruleset=Ruleset([Rule("denied", "in_list('deny', card)", "block"), ANY])
)
NOT_ASKING = replace(event_type_named("card"), ruleset=Ruleset([ANY]))
SNOOZED, AWAKE = (Change(f"{SNOOZE}any", TOKENS[0], said) for said in (ON, None))


class Topic:
    """The topic `lists`: its records, and the tables that follow it."""

    def __init__(self, *changes: Change) -> None:
        self.changes: list[Change] = []
        self.table = ListTable()
        self.write(*changes)

    def write(self, *changes: Change) -> None:
        """Publish changes."""
        self.changes += changes
        self.read(self.table, len(self.changes))

    def read(self, table: ListTable, end: int) -> None:
        """Let a table read up to an offset."""
        for offset in range(table.revision, end):
            table.apply(self.changes[offset], offset, NOON_MS + offset)


def told(decisions: list[Payment]) -> list[tuple[str, str, int | None]]:
    """Return what became of which payment, and with which lists."""
    return [(each["transaction_id"], each["outcome"], each.get("lists_as_of")) for each in decisions]


async def decided(worker: MemoryWorker, *tids: str, first: int | None = None) -> list[Any]:
    """Let payments arrive, `first`: again, from that offset on; return what became of them."""
    before, values = len(worker.published("decisions")), [paid(tid) for tid in tids]
    await (worker.receive(values) if first is None else worker.receive_again(values, first))
    await worker.settled()
    return told(worker.published("decisions")[before:])


async def half_decided(worker: MemoryWorker, payments: Sequence[Payment]) -> None:
    """Let payments be decided and published; then nothing more is delivered."""
    deliver, published = worker.delivery.deliver, len(worker.published("decisions"))

    async def half(batch: OutputBatch) -> ProduceResults:
        for outbox in batch.outputs.values():
            worker.delivery._append(outbox)
        return await asyncio.get_running_loop().create_future()

    worker.delivery.deliver = half  # type: ignore[method-assign]
    await worker.receive(payments)
    await until(lambda: len(worker.published("decisions")) == published + len(payments))
    worker.delivery.deliver = deliver  # type: ignore[method-assign]
