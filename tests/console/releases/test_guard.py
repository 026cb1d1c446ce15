"""A canary is stopped though nobody runs `fraudstream releases guard`: one console of several watches it."""

import asyncio
import json
from pathlib import Path

from fraudstream import topics
from fraudstream.adapters.database.audit import entries
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.kafka.outbox import Message, Outbox
from fraudstream.adapters.kafka.publisher import Publisher
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.releases import changing
from fraudstream.adapters.releases import entries as made
from fraudstream.adapters.releases.store import Releases
from fraudstream.console.app import Console
from fraudstream.console.releases.guarding import Guard
from fraudstream.console.releases.workshop import Workshop
from fraudstream.console.rooms import ROOMS
from fraudstream.domain.releases.guardrails import Limits
from fraudstream.domain.releases.release_log import State
from fraudstream.settings import Settings
from tests.releases import drafted_in

WITHIN_S = 90
CARDS = 100


def decision(card: int, canary: bool) -> bytes:
    """Return what a guard needs of a decision: the canary blocks everybody, the champion nobody."""
    said = {
        "transaction_id": f"t{card}",
        "card": f"{card:032x}",
        "outcome": "block" if canary else "approve",
        "score": 10,
        "degraded": [],
        "timing_ms": {"queued": 1.0},
        "release": "card-2" if canary else "card-1",
        "canary": canary,
    }
    return json.dumps(said).encode()


async def decide(settings: Settings) -> None:
    """Publish decisions on some cards, half of them by the canary."""
    outbox = Outbox()
    for card in range(2 * CARDS):
        message = Message(f"{card}".encode(), decision(card, card % 2 == 0))
        outbox.add(settings.topic(topics.DECISIONS.name), card % settings.partitions, message)
    async with Publisher(Kafka.of(settings), "test-decisions", 30.0) as publisher:
        await publisher.learn([settings.topic(topics.DECISIONS.name)])
        await publisher.publish(outbox)


def test_one_of_two_consoles_stops_a_canary_once(kafka_settings: Settings, tmp_path: Path) -> None:
    """And the audit trail says why."""
    settings, url = kafka_settings, f"sqlite:///{tmp_path / 'c.db'}"
    drafted_in(Path(settings.models_place), 1, 2)
    store = Releases.of(settings)
    for number in (1, 2):
        store.append(made.passed(store, number, ""))
    consoles = [Console(settings, opened(url), ROOMS) for _ in range(2)]

    async def watched() -> None:
        await changing.changed(settings, store, made.activated(store, 1, ""))
        await changing.changed(settings, store, made.on_canary(store, 2, 0.5, ""))
        guards = [Guard(each, Workshop(each), Limits(entities_min=50)) for each in consoles]
        running = [asyncio.create_task(guard.run()) for guard in guards]
        async with asyncio.timeout(WITHIN_S):
            while store.log().states[2] is State.CANARY:
                await decide(settings)
                await asyncio.sleep(0.5)
            while True:
                if entries(consoles[0].engine, action="release.stop"):
                    break
                await asyncio.sleep(0.1)
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    asyncio.run(watched())
    last = store.log().entries[-1]
    stopped = entries(consoles[0].engine, action="release.stop")

    assert ("stop", 2, "guard") == (last.action, last.release, last.by)
    assert last.why.startswith("guardrail: alert rate: it alerts")
    assert [("guard", "card-2")] == [(each.person, each.subject) for each in stopped]
