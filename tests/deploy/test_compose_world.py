"""What a newcomer sees after `docker compose up`: the services' very commands, run as processes, show a sensible world."""

import asyncio
import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings
from fraudstream.world.live import rate_of
from tests.commands.running import fraudstream
from tests.deploy.compose import Service, compose
from tests.end_to_end.harness import read_all
from tests.shared import day_that_lasts

SIZES = {"WORLD_CARDS": "10000", "PAYMENTS_PER_S": "8", "ATTACKS": "40"}
"""The smallest world that training learns from, at the rate it is made for, with enough attacks for a short look."""

RECOGNISABLE = 8
"""An attack's first two payments look honest; of those that follow this many are waited for, one to three minutes."""

PATIENCE_S = 240
LEFT_BEFORE_DAYS = 3


@pytest.fixture
def services(
    broker: EmbeddedBroker, fresh_settings: Settings, tmp_path: Path
) -> Iterator[dict[str, Service]]:
    """Yield the services that run our commands, on this test's broker, topics, directory and port."""
    described = compose(SIZES)["services"]
    port = str(free_port("127.0.0.1"))
    places = {
        "kafka:19092": broker.bootstrap,
        "/data": str(tmp_path / "data"),
        "/state": str(tmp_path / "state"),
    }
    extra = {
        "FRAUDSTREAM_TOPIC_PREFIX": fresh_settings.topic_prefix,
        "FRAUDSTREAM_APP_ID": fresh_settings.app_id,
        "FRAUDSTREAM_LOOKUP_TIMEOUT_MS": str(fresh_settings.lookup_timeout_ms),
    }
    ours = {
        name: Service(name, service, places, extra)
        for name, service in described.items()
        if service.get("image", "").startswith("fraudstream-")
    }
    ours["worker"].environment["FRAUDSTREAM_WEB_PORT"] = port
    yield ours
    for service in reversed(ours.values()):
        service.stop()


def until(what: str, ready: Callable[[], Any], *running: Service) -> Any:
    """Wait for something that is not false, while all of these services run."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := ready()):
        for service in running:
            assert service.process is not None
            assert service.process.poll() is None, f"{service.name} ended:\n{service.said}"
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.3)
    return found


def health(worker: Service) -> dict[str, Any] | None:
    """Return what the worker says of itself, or None while it says nothing or is not well."""
    try:
        address = f"http://127.0.0.1:{worker.environment['FRAUDSTREAM_WEB_PORT']}/health"
        with urllib.request.urlopen(address, timeout=5) as answer:
            told: dict[str, Any] = json.load(answer)
            return told
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return None


def records(settings: Settings, name: str) -> list[dict[str, Any]]:
    """Read a whole topic."""
    return [json.loads(record.value) for record in asyncio.run(read_all(settings, name)) if record.value]


def recognisable(settings: Settings) -> tuple[list[dict[str, Any]], dict[str, bool], set[str]]:
    """Return the decisions, whether each payment was fraud, and the ids of every card's third fraud and those after it."""
    decisions = records(settings, "decisions")
    labels = {label["transaction_id"]: label["fraud"] for label in records(settings, "labels")}
    frauds: dict[str, list[str]] = {}
    for decision in sorted(decisions, key=lambda decision: decision["event_time"]):
        if labels.get(decision["transaction_id"]):
            frauds.setdefault(decision["card"], []).append(decision["transaction_id"])
    return decisions, labels, {late for attack in frauds.values() for late in attack[2:]}


def test_live_traffic_has_the_cards_it_needs() -> None:
    """By the figures that the file itself gives: decision record 3 asks for 1,200 cards for each payment a second."""
    services = compose({})["services"]
    script = services["prepare"]["command"][-1].split()
    traffic = services["produce"]["command"]
    rate = float(traffic[traffic.index("--rate") + 1])

    assert rate <= rate_of(int(script[script.index("--cards") + 1]))
    for name in ("prepare", "nightly"):
        words = services[name]["command"][-1].split()
        assert "today" == words[words.index("--end") + 1], "weeks of other years help no live decision"
        assert 14 <= int(words[words.index("--days") + 1]), "a week of warm-up and one to learn from"
        assert script[script.index("--cards") + 1] == words[words.index("--cards") + 1]


@pytest.mark.timeout(600)
def test_compose_shows_a_sensible_world(services: dict[str, Service], fresh_settings: Settings) -> None:
    """On a volume from some days ago: alerts are mostly labelled fraud, no decision is degraded, health is ok."""
    partitions = int(services["worker"].environment["FRAUDSTREAM_PARTITIONS"])
    data_dir = Path(services["worker"].environment["FRAUDSTREAM_DATA_DIR"])
    settings = fresh_settings.model_copy(update={"partitions": partitions, "data_dir": data_dir})
    today = day_that_lasts()
    some_days_ago = today - timedelta(days=LEFT_BEFORE_DAYS)
    old = fraudstream(settings, "generate", "--cards", "2000", "--days", "10", "--end", str(some_days_ago))
    assert 0 == old.returncode, old.stderr

    services["topics"].start().end(PATIENCE_S)
    prepared = services["prepare"].start().end(PATIENCE_S)
    assert f"as of {today} 00:00 UTC" in prepared
    worker, nightly, archive = (services[name].start() for name in ("worker", "nightly", "archive"))
    until("the worker", lambda: health(worker), worker)
    produce = services["produce"].start()
    running = (worker, nightly, archive, produce)
    decisions, labels, late = until(
        "attacks that go on",
        lambda: (found := recognisable(settings)) and len(found[2]) >= RECOGNISABLE and found,
        *running,
    )
    until("the nightly job's aggregates", lambda: "weekly aggregates of" in nightly.said, *running)

    judged = [decision for decision in decisions if decision["transaction_id"] in labels]
    alerts = [decision for decision in judged if decision["outcome"] != "approve"]
    caught = {each["transaction_id"] for each in alerts if labels[each["transaction_id"]]}
    assert len(decisions) <= 1.1 * len(judged), "every payment gets its label, about as soon as its decision"
    assert [] == [decision["degraded"] for decision in decisions if decision["degraded"]]
    assert 2 * len(caught) >= len(alerts), f"{len(caught)} of {len(alerts)} alerts are fraud"
    assert 4 * len(caught & late) >= 3 * len(late), f"{len(caught & late)} of {len(late)} going on are alerts"
    told = health(worker)
    assert told is not None
    assert ("ok", []) == (told["status"], told["problems"])
    assert "look like fraud" not in produce.said
