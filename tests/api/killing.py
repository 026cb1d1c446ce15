"""Kills worker, API and broker under load, and compares every answer with the topic; for a test and for benchmarks.api."""

import asyncio
import json
import random
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.client import ApiError, AsyncClient, Decision
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.api.events import event
from tests.end_to_end.harness import Worker, decisions_of
from tests.shared import SHORT_SESSIONS, own_settings

KILLED = ("worker", "api", "broker", "worker", "api")
ASKED_TWICE = 40
PATIENCE_S = 180.0


def told(decision: Mapping[str, Any]) -> str:
    """Return what of a decision is the same whenever it is made again."""
    same = {name: decision[name] for name in decision if name not in ("decided_at", "timing_ms", "source")}
    return json.dumps(same, sort_keys=True)


def ended(process: Worker) -> bool:
    """Tell whether a process does not run any more."""
    return process.process is None or process.process.poll() is not None


class Group:
    """A broker, a worker and an API, each of which can be killed and started again."""

    def __init__(self, broker: EmbeddedBroker, settings: Settings) -> None:
        self.broker = broker
        self._settings = settings
        self.worker = Worker(settings).__enter__()
        self.api = Worker(settings, ("-m", "fraudstream", "api")).__enter__()

    def kill(self, what: str) -> None:
        """Kill with SIGKILL; a broker is started again."""
        if what == "worker":
            self.worker.kill()
        elif what == "api":
            self.api.kill()
        else:
            self.broker.kill()
            self.broker.start()

    async def supervised(self) -> None:
        """Start again what has ended, as a supervisor does."""
        while True:
            await asyncio.sleep(0.5)
            if ended(self.worker):
                self.worker = Worker(self._settings).__enter__()
            if ended(self.api):
                self.api = Worker(self._settings, ("-m", "fraudstream", "api")).__enter__()

    def end(self) -> None:
        """Stop worker and API."""
        self.worker.__exit__(None, None, None)
        self.api.__exit__(None, None, None)


async def asked(client: AsyncClient, payment: dict[str, Any], after_s: float) -> Decision | ApiError:
    """Ask at a moment, and again until there is an answer."""
    await asyncio.sleep(after_s)
    try:
        return await client.predict(payment)
    except ApiError as error:
        return error


@dataclass(frozen=True, slots=True)
class Found:
    """What became of the payments."""

    payments: int
    kills: int
    unanswered: list[str]
    """Why payments had no answer in the end."""
    contradictions: list[str]
    """Payments whose answer is not the one decision that the topic has, or that have several that differ."""


async def under_kills(directory: Path, per_s: int, seconds: float) -> Found:
    """Ask for decisions while all three are killed; some payments are asked for twice, at different moments."""
    with EmbeddedBroker(directory / "broker", overrides=SHORT_SESSIONS) as broker:
        settings = own_settings(broker.bootstrap, directory / "data", web=False).model_copy(
            update={"api_port": free_port("127.0.0.1"), "api_without_keys": True, "session_timeout_s": 6.0}
        )
        await ensure_topics(settings)
        group = Group(broker, settings)
        supervising = asyncio.create_task(group.supervised())
        chance = random.Random(5)
        payments = [
            event(f"k-{number}", number / 100, number % 7) for number in range(round(per_s * seconds))
        ]
        moments = [(payment, number / per_s) for number, payment in enumerate(payments)]
        moments += [(payment, chance.uniform(0, seconds)) for payment in chance.sample(payments, ASKED_TWICE)]
        async with AsyncClient(f"http://127.0.0.1:{settings.api_port}", patience_s=PATIENCE_S) as client:
            asking = [asyncio.create_task(asked(client, *moment)) for moment in moments]
            for what in KILLED:
                await asyncio.sleep(seconds / (len(KILLED) + 1))
                await asyncio.to_thread(group.kill, what)
            answers = await asyncio.gather(*asking)
        decided = await decisions_of(settings, {payment["tid"] for payment in payments}, timeout_s=90)
        supervising.cancel()
        await asyncio.to_thread(group.end)
    published: defaultdict[str, set[str]] = defaultdict(set)
    for decision in decided:
        published[decision["transaction_id"]].add(told(decision))
    different = [tid for tid, each in published.items() if len(each) > 1]
    different += [
        answer.transaction_id
        for answer in answers
        if isinstance(answer, Decision) and {told(answer.raw)} != published[answer.transaction_id]
    ]
    unanswered = [str(answer) for answer in answers if isinstance(answer, ApiError)]
    return Found(len(payments), len(KILLED), unanswered, different)
