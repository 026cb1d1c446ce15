"""Webhooks in the database: receivers, how far each has been told of each topic, and what it has not taken yet."""

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update

from fraudstream.adapters.database.engine import insert_new, said, writing
from fraudstream.adapters.database.webhook_tables import WEBHOOK_DELIVERIES as DELIVERIES
from fraudstream.adapters.database.webhook_tables import WEBHOOK_POSITIONS as POSITIONS
from fraudstream.adapters.database.webhook_tables import WEBHOOKS
from fraudstream.adapters.files import sha256_of
from fraudstream.adapters.secrets.webhook_key import secret_of
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS

FAILED_KEPT_MS = 30 * DAY_MS
"""How long an event that was given up is kept, as long as its topic keeps alerts."""

Place = tuple[str, int]
"""Topic and partition."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """A receiver; the times are epoch milliseconds."""

    id: str
    url: str
    sources: tuple[str, ...]
    created_at: int
    secret_sha256: str
    runner: str | None
    runner_until: int
    delivered: int
    delivered_at: int | None
    problem: str
    """What went wrong last; empty if nothing ever did."""
    problem_at: int | None

    def secret(self, key: bytes) -> str:
        """Return what signs its events; raises SetupError if it was made with another key."""
        secret = secret_of(key, self.id)
        if sha256_of(secret.encode()) != self.secret_sha256:
            raise SetupError(
                f"the secret of the webhook {self.id} was made with another key than that of FRAUDSTREAM_WEBHOOKS_KEY_FILE; "
                "restore the key, or remove the webhook and add it again"
            )
        return secret


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event that a receiver has not taken yet."""

    event_id: str
    body: str
    created_at: int
    attempts: int = 0
    next_at: int = 0
    failed_at: int | None = None
    problem: str = ""


class Webhooks:
    """The webhooks in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, url: str, sources: Sequence[str], key: bytes) -> Webhook:
        """Record a receiver of events of these kinds, from now on."""
        made = Webhook(secrets.token_hex(6), url, tuple(sources), now_ms(), "", None, 0, 0, None, "", None)
        row = {name: getattr(made, name) for name in Webhook.__slots__} | {
            "sources": ",".join(sources),
            "secret_sha256": sha256_of(secret_of(key, made.id).encode()),
        }
        with writing(self._engine) as connection:
            connection.execute(insert(WEBHOOKS).values(row))
        return self.find(made.id)

    def find(self, webhook: str) -> Webhook:
        """Return a receiver; raises SetupError if there is none."""
        with said(), self._engine.connect() as connection:
            row = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.id == webhook)).first()
        if row is None:
            raise SetupError(f"there is no webhook {webhook[:40]}; see: fraudstream webhooks list")
        return _webhook(row._mapping)

    def all(self) -> list[Webhook]:
        """Return all receivers, the oldest first."""
        with said(), self._engine.connect() as connection:
            rows = connection.execute(select(WEBHOOKS).order_by(WEBHOOKS.c.created_at, WEBHOOKS.c.id))
            return [_webhook(row._mapping) for row in rows]

    def remove(self, webhook: str) -> None:
        """Forget a receiver and what it has not taken; raises SetupError if there is none."""
        self.find(webhook)
        with writing(self._engine) as connection:
            for table in (DELIVERIES, POSITIONS):
                connection.execute(delete(table).where(table.c.webhook_id == webhook))
            connection.execute(delete(WEBHOOKS).where(WEBHOOKS.c.id == webhook))

    def leased(self, runner: str, until_ms: int) -> list[Webhook]:
        """Take all receivers that no other process sends to, and go on with one's own; return them."""
        free = (WEBHOOKS.c.runner == runner) | (WEBHOOKS.c.runner_until < now_ms())
        with writing(self._engine) as connection:
            connection.execute(update(WEBHOOKS).where(free).values(runner=runner, runner_until=until_ms))
            rows = connection.execute(select(WEBHOOKS).where(WEBHOOKS.c.runner == runner))
            found = [_webhook(row._mapping) for row in rows]
            connection.execute(delete(DELIVERIES).where(DELIVERIES.c.failed_at < now_ms() - FAILED_KEPT_MS))
        return found

    def release(self, runner: str) -> None:
        """Let other processes go on at once."""
        with writing(self._engine) as connection:
            connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.runner == runner).values(runner_until=0))

    def positions(self, webhook: str) -> dict[Place, int]:
        """Return the next offset of each partition of which something is known."""
        with said(), self._engine.connect() as connection:
            rows = connection.execute(select(POSITIONS).where(POSITIONS.c.webhook_id == webhook))
            return {(row.topic, row.partition): row.next_offset for row in rows}

    def take(self, webhook: str, deliveries: Sequence[Delivery], positions: Mapping[Place, int]) -> None:
        """Record events to be sent and the positions after them, in one step; those that are there already stay."""
        events = [
            {"webhook_id": webhook} | {name: getattr(each, name) for name in Delivery.__slots__}
            for each in deliveries
        ]
        places = [
            {"webhook_id": webhook, "topic": topic, "partition": partition, "next_offset": offset}
            for (topic, partition), offset in positions.items()
        ]
        with writing(self._engine) as connection:
            if events:
                connection.execute(insert_new(connection, DELIVERIES).on_conflict_do_nothing(), events)
            if places:
                moved = insert_new(connection, POSITIONS)
                moved = moved.on_conflict_do_update(
                    index_elements=list(POSITIONS.primary_key),
                    set_={"next_offset": moved.excluded.next_offset},
                )
                connection.execute(moved, places)

    def due(self, webhook: str, limit: int) -> list[Delivery]:
        """Return events to be sent now, the longest due first."""
        waiting = _waiting(webhook) & (DELIVERIES.c.next_at <= now_ms())
        wanted = select(DELIVERIES).where(waiting).order_by(DELIVERIES.c.next_at).limit(limit)
        with said(), self._engine.connect() as connection:
            return [_delivery(row._mapping) for row in connection.execute(wanted)]

    def settle(self, webhook: str, arrived: Sequence[str], tried: Sequence[Delivery], problem: str) -> None:
        """Forget events that have arrived, and record when others are tried again or that they are given up."""
        with writing(self._engine) as connection:
            own = DELIVERIES.c.webhook_id == webhook
            if arrived:
                connection.execute(delete(DELIVERIES).where(own & DELIVERIES.c.event_id.in_(arrived)))
                counted = {"delivered": WEBHOOKS.c.delivered + len(arrived), "delivered_at": now_ms()}
                connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.id == webhook).values(counted))
            for each in tried:
                changed = {
                    name: getattr(each, name) for name in ("attempts", "next_at", "failed_at", "problem")
                }
                connection.execute(
                    update(DELIVERIES).where(own & (DELIVERIES.c.event_id == each.event_id)).values(changed)
                )
            if problem:
                said_last = {"problem": problem, "problem_at": now_ms()}
                connection.execute(update(WEBHOOKS).where(WEBHOOKS.c.id == webhook).values(said_last))

    def waiting(self, webhook: str) -> int:
        """Return how many events are to be sent, now or later."""
        with said(), self._engine.connect() as connection:
            return int(connection.scalar(select(func.count()).where(_waiting(webhook))) or 0)

    def given_up(self, webhook: str) -> int:
        """Return how many events were given up."""
        with said(), self._engine.connect() as connection:
            return int(connection.scalar(select(func.count()).where(_given_up(webhook))) or 0)

    def failed(self, webhook: str | None = None) -> list[tuple[str, Delivery]]:
        """Return events that were given up, with their receivers, the oldest first."""
        wanted: Any = DELIVERIES.c.failed_at.is_not(None)
        if webhook is not None:
            wanted &= DELIVERIES.c.webhook_id == webhook
        with said(), self._engine.connect() as connection:
            rows = connection.execute(select(DELIVERIES).where(wanted).order_by(DELIVERIES.c.created_at))
            return [(row.webhook_id, _delivery(row._mapping)) for row in rows]

    def resend(self, webhook: str, event: str | None = None) -> int:
        """Let events that were given up be sent again, as if they were new; return how many."""
        wanted = _given_up(webhook)
        if event is not None:
            wanted &= DELIVERIES.c.event_id == event
        again = {"failed_at": None, "attempts": 0, "next_at": now_ms(), "created_at": now_ms()}
        with writing(self._engine) as connection:
            return connection.execute(update(DELIVERIES).where(wanted).values(again)).rowcount


def now_ms() -> int:
    """Return the time in epoch milliseconds."""
    return time.time_ns() // 1_000_000


def _waiting(webhook: str) -> Any:
    return (DELIVERIES.c.webhook_id == webhook) & DELIVERIES.c.failed_at.is_(None)


def _given_up(webhook: str) -> Any:
    return (DELIVERIES.c.webhook_id == webhook) & DELIVERIES.c.failed_at.is_not(None)


def _webhook(row: Any) -> Webhook:
    fields = dict(row)
    return Webhook(**fields | {"sources": tuple(fields["sources"].split(","))})


def _delivery(row: Any) -> Delivery:
    return Delivery(**{name: row[name] for name in Delivery.__slots__})
