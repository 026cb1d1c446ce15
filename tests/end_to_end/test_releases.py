"""Releases of a real worker: it switches while it runs, and knows after a kill, or without its control topic, what decides."""

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fraudstream import topics
from fraudstream.adapters.kafka.admin import administration
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.adapters.releases.telling import answers
from fraudstream.commands.releases import releases
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from tests.commands.running import environment
from tests.end_to_end.harness import Worker, decisions_of, produce
from tests.releases import registry_in
from tests.shared import PATIENCE_S

NOON_S = 1_780_000_000

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run(kafka_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return what runs `fraudstream releases`; there are two releases, of two models."""
    for name, value in environment(kafka_settings).items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)

    def run(*words: str) -> dict[str, Any]:
        done = CliRunner().invoke(releases, [*words, "--json"], catch_exceptions=False)
        said: dict[str, Any] = json.loads(done.stdout)
        return said

    for seed in (1, 2):
        registry_in(Path(kafka_settings.models_place), seed)
        run("draft")
        run("check", str(seed))
    return run


async def decide(settings: Settings, name: str) -> set[str | None]:
    """Let a few cards pay and return which releases decided."""
    paid = [
        {"cc_num": 4006080197832643 + number, "amount": 10.0, "trans_ts": NOON_S, "tid": f"{name}-{number}"}
        for number in range(20)
    ]
    await produce(settings, [(str(each["cc_num"]).encode(), json.dumps(each).encode()) for each in paid])
    decided = await decisions_of(settings, {str(each["tid"]) for each in paid})
    return {each.get("release") for each in decided if each["transaction_id"].startswith(f"{name}-")}


async def applied(settings: Settings, revision: int) -> None:
    """Wait until the worker has answered a revision."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            said = await answers(settings, "card")
            if revision in {each.revision for each in said if each.result == "applied"}:
                return
            await asyncio.sleep(0.2)


async def delete(settings: Settings, topic: topics.Topic) -> None:
    """Delete a topic."""
    async with administration(Kafka.of(settings)) as admin:
        await admin.delete_topics([settings.topic(topic.name)])


def test_a_worker_switches_while_it_runs(kafka_settings: Settings, run: Run) -> None:
    """By its own model first, then by 1, 2, and 1 again; a kill and a lost control topic do not change what decides."""
    settings = kafka_settings
    seen: list[set[str | None]] = []

    def paid() -> None:
        seen.append(asyncio.run(decide(settings, f"p{len(seen)}")))

    def told(said: dict[str, Any]) -> None:
        asyncio.run(applied(settings, said["revision"]))
        paid()

    with Worker(settings) as worker:
        paid()
        told(run("activate", "1"))
        told(run("activate", "2"))
        worker.kill()
    with Worker(settings):
        paid()
        asyncio.run(delete(settings, topics.RELEASES))
        paid()
        run("publish")
        told(run("rollback"))

    assert [{None}, {"card-1"}, {"card-2"}, {"card-2"}, {"card-2"}, {"card-1"}] == seen


def test_a_worker_that_starts_later_knows_what_decides(kafka_settings: Settings, run: Run) -> None:
    """Its first decision is the release's."""
    run("activate", "2")

    with Worker(kafka_settings):
        assert {"card-2"} == asyncio.run(decide(kafka_settings, "first"))


def test_a_damaged_release_does_not_end_a_worker(kafka_settings: Settings, run: Run) -> None:
    """The command refuses it; the one that decides is in memory."""
    settings = kafka_settings
    blobs = Path(settings.models_place) / "blobs"
    with Worker(settings):
        asyncio.run(applied(settings, run("activate", "1")["revision"]))
        for path in blobs.iterdir():
            path.rename(path.with_suffix(".away"))
        with pytest.raises(SetupError, match=r"artefacts: .* is missing"):
            run("activate", "2")
        assert {"card-1"} == asyncio.run(decide(settings, "on"))
