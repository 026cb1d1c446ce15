"""Worker, API and broker are killed under load: every answer is the one decision that the topic has."""

import asyncio
import json
import random
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.client import ApiError, AsyncClient, Decision
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from tests.api.test_predictions import event
from tests.end_to_end.harness import Worker, decisions_of
from tests.shared import SHORT_SESSIONS, own_settings

pytestmark = pytest.mark.timeout(420)

PER_S = 10
SECONDS = 24
PATIENCE_S = 180.0


def told(decision: dict[str, Any]) -> dict[str, Any]:
    """Return what of a decision is the same whenever it is made again."""
    return {name: decision[name] for name in decision if name not in ("decided_at", "timing_ms", "source")}


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


async def test_no_answer_contradicts_the_topic_whatever_is_killed(tmp_path: Path) -> None:
    """Some payments are asked for twice, at different moments; each counts once."""
    with EmbeddedBroker(tmp_path / "broker", overrides=SHORT_SESSIONS) as broker:
        settings = own_settings(broker.bootstrap, tmp_path / "data", web=False).model_copy(
            update={"api_port": free_port("127.0.0.1"), "api_without_keys": True, "session_timeout_s": 6.0}
        )
        await ensure_topics(settings)
        group = Group(broker, settings)
        supervising = asyncio.create_task(group.supervised())
        chance = random.Random(5)
        payments = [event(f"k-{number}", number / 100, number % 7) for number in range(PER_S * SECONDS)]
        moments = [(payment, number / PER_S) for number, payment in enumerate(payments)]
        moments += [(payment, chance.uniform(0, SECONDS)) for payment in chance.sample(payments, 40)]
        async with AsyncClient(f"http://127.0.0.1:{settings.api_port}", patience_s=PATIENCE_S) as client:
            asking = [asyncio.create_task(asked(client, *moment)) for moment in moments]
            for what in ("worker", "api", "broker", "worker", "api"):
                await asyncio.sleep(SECONDS / 6)
                await asyncio.to_thread(group.kill, what)
            answers = await asyncio.gather(*asking)
        decided = await decisions_of(settings, {payment["tid"] for payment in payments}, timeout_s=90)
        supervising.cancel()
        await asyncio.to_thread(group.end)

    published = defaultdict(set)
    for decision in decided:
        published[decision["transaction_id"]].add(json.dumps(told(decision), sort_keys=True))
    assert {1} == {len(each) for each in published.values()}
    answered = [answer for answer in answers if isinstance(answer, Decision)]
    assert len(answers) == len(answered), [str(answer) for answer in answers if isinstance(answer, ApiError)][
        :5
    ]
    for answer in answered:
        assert {json.dumps(told(dict(answer.raw)), sort_keys=True)} == published[answer.transaction_id]
    last = max(decided, key=lambda decision: decision["event_time"])
    assert time.time() * 1000 - last["event_time"] < 3_600_000
