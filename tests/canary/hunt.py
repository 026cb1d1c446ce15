"""Runs workers on a canary's payments, then searches for its card number everywhere but in the input."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import aiohttp
from aiokafka import AIOKafkaProducer

from fraudstream import topics
from fraudstream.adapters.broker.ports import claim
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.canary.doors import ask_api, fill_forms
from tests.canary.search import Needle, Place, files, rocksdbs
from tests.canary.traffic import Sent, traffic
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Record, Worker, read_all

START_UPS: tuple[tuple[str, ...], ...] = (
    ("-m", "fraudstream", "worker", "-l", "debug"),
    ("-m", "faust", "-A", "fraudstream.worker", "worker", "-l", "debug"),
)
"""Both ways to start a worker, each with all it can log."""

INPUTS = (topics.TRANSACTIONS.name, topics.REPARTITIONED.name)
HOMES = (
    "topic: decisions",
    "topic: fraud-alerts",
    "topic: changelog",
    "RocksDB",
    "files: weekly",
    "files: archive",
    "pages",
    "answers of the API",
)
"""Places that must hold the card's token."""

PAGES = (
    "/",
    "/alerts",
    "/health",
    "/metrics",
    "/api/v1/summary",
    "/api/v1/alerts",
    "/api/v1/decisions",
    "/api/v1/health",
)
DECIDED_WITHIN_S = 120.0
Places = dict[str, Place]


async def hunt(settings: Settings, canary: str, other: str, start_ups: Sequence[Sequence[str]]) -> Places:
    """Run one worker after the other through the canary's traffic; return every place and what was found there.

    `settings.data_dir` has a world; its history may hold the canary, which is where a nightly job starts from.
    """
    needle, places = Needle(canary, settings.tokenizer().token(canary)), Places()
    expected = {True: 0, False: 0}
    for number, command in enumerate(start_ups):
        port = claim(0)[0]
        running = settings.model_copy(update={"web": True, "web_port": port})
        with Worker(running, command):
            sent = traffic(canary, other, settings.partitions, f"canary{number}")
            await _send(settings, sent)
            for decided in expected:
                expected[decided] += sum(record.decided is decided for record in sent)
            await _until(settings, expected)
            await _look_at_pages(f"http://127.0.0.1:{port}", needle, places, canary, settings)
            if not number:
                _place(places, "answers of the API").search(needle, await ask_api(settings, canary))
    archived = await asyncio.to_thread(
        fraudstream, settings, "archive", "run", "--once", timeout_s=DECIDED_WITHIN_S
    )
    _place(places, "logs").search(needle, [("archive run", (archived.stdout + archived.stderr).encode())])
    _place(places, "pages of the console").search(needle, await fill_forms(settings, canary))
    await _look_at_topics(settings, needle, places)
    _look_at_files(settings, needle, places)
    return places


def total(places: Places) -> int:
    """Return the hits outside the input."""
    return sum(place.hits for name, place in places.items() if not name.startswith("input"))


def proven(places: Places) -> bool:
    """Tell whether the search works: it found the number in the input, and the card's token in all HOMES."""
    return all(places[f"input: {name}"].hits for name in INPUTS) and all(
        places[name].tokens for name in HOMES
    )


def facts(places: Places) -> dict[str, Any]:
    """Return everything for a script."""
    return {"places": {name: asdict(place) for name, place in places.items()}, "hits": total(places)}


def _place(places: Places, name: str) -> Place:
    return places.setdefault(name, Place())


async def _send(settings: Settings, records: Sequence[Sent]) -> None:
    topic = settings.topic(topics.TRANSACTIONS.name)
    async with AIOKafkaProducer(
        **Kafka.of(settings).client, acks="all", max_request_size=2 << 20
    ) as producer:
        for record in records:
            await producer.send_and_wait(
                topic, record.value, key=record.key, partition=record.partition, headers=record.headers
            )


async def _until(settings: Settings, expected: dict[bool, int]) -> None:
    """Wait until every record has become a decision or a dead letter."""
    deadline = time.monotonic() + DECIDED_WITHIN_S
    while True:
        decided = {record.value for record in await read_all(settings, topics.DECISIONS.name)}
        dead = await read_all(settings, topics.DEAD_LETTERS.name)
        if len(decided) >= expected[True] and len(dead) >= expected[False]:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"{len(decided)} of {expected[True]} payments are decided and {len(dead)} of {expected[False]} are dead letters"
            )
        await asyncio.sleep(0.3)


async def _look_at_pages(base: str, needle: Needle, places: Places, canary: str, settings: Settings) -> None:
    """Look at every page as HTML and as JSON, of this card and its decisions, and with the number in the address."""
    token = settings.tokenizer().token(canary)
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{base}/api/v1/decisions?limit=100") as answer:
            decisions = (await answer.json())["decisions"]
        ids = [decision["transaction_id"] for decision in decisions]
        about = [f"/cards/{token}", f"/api/v1/cards/{token}"]
        about += [f"{kind}/{each}" for each in ids for kind in ("/decisions", "/api/v1/decisions")]
        asked = [
            f"{kind}/{canary}"
            for kind in ("/cards", "/decisions", "/api/v1/cards", "/api/v1/decisions", "/nowhere")
        ]
        asked += [f"/alerts?limit={canary}", f"/?seconds={canary}", f"/?{canary}=1"]
        for address in (*PAGES, *about, *asked):
            for accept in ("text/html", "application/json"):
                async with session.get(base + address, headers={"Accept": accept}) as answer:
                    body = await answer.read()
                    head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
                kind = "metrics" if address == "/metrics" else "pages"
                _place(places, kind).search(needle, [(f"{address} as {accept}", head.encode() + body)])


async def _look_at_topics(settings: Settings, needle: Needle, places: Places) -> None:
    log = topics.changelog(settings).name
    for full_name in topics.all_topics(settings):
        name = full_name.removeprefix(settings.topic_prefix) if full_name != log else "changelog"
        read = settings.model_copy(update={"topic_prefix": ""})
        records = await read_all(read, full_name)
        label = f"input: {name}" if name in INPUTS else f"topic: {name}"
        _place(places, label).search(needle, ((f"{full_name}", _everything(record)) for record in records))


def _everything(record: Record) -> bytes:
    """Return key, value and headers of a record."""
    headers = [part for name, value in record.headers for part in (name.encode(), value)]
    return b"\n".join([record.key or b"", record.value or b"", *headers])


def _look_at_files(settings: Settings, needle: Needle, places: Places) -> None:
    """Look at everything in the data directory, each part under its name; the history is input."""
    for path in sorted(settings.data_dir.iterdir()):
        if path == settings.history_dir:
            _place(places, "input: history").search(needle, files(path))
        else:
            name = "logs" if path.suffix == ".log" else f"files: {path.name}"
            _place(places, name).search(needle, files(path))
    _place(places, "RocksDB").search(needle, rocksdbs(settings.worker_state_dir))
