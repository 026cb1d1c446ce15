"""`python -m benchmarks.api`: decisions over HTTP beside the same payments on the topic, and the most requests of a process.

One worker and one process of the API on one broker. Both loads are open: a payment is due at its time whatever comes before,
and its latency is counted from there. Then worker, API and broker are killed under 200 requests/s.
"""

import asyncio
import json
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import click
import numpy as np
import uvloop
from confluent_kafka import Producer  # type: ignore[import-untyped]

from benchmarks.api_batch import ROWS, batch
from benchmarks.children import Child, running
from benchmarks.cluster import PRODUCER, reader
from benchmarks.http_load import Connections
from benchmarks.load import LAST_ANSWER_TIMEOUT_S, Load
from benchmarks.lone_worker import LoneWorker, broker, data_option, prepared_in, told
from benchmarks.prepared import FRAUDSTREAM
from benchmarks.releases.stage import Payments
from benchmarks.traffic import Record
from fraudstream import topics
from fraudstream.process.ports import free_port
from tests.api.killing import under_kills

NAME = "api"
RATES = (20, 200, 1_000)
SECONDS = {20: 20.0, 200: 15.0, 1_000: 10.0}
WARMUP_S = 2.0
CONNECTIONS = 64
MOST_S = 10.0
BATCH_ROWS_QUICK = 20_000
START_S = 60.0


@contextmanager
def api(worker: LoneWorker) -> Iterator[tuple[Child, str]]:
    """Run a process of the API; yield it and its address."""
    port = free_port("127.0.0.1")
    command = [*FRAUDSTREAM, "api", "--without-keys", "--port", str(port), "--log-level", "warning"]
    with running("the API", command, worker.directory / "api.log", worker.environment) as child:
        yield child, f"http://127.0.0.1:{port}"


def on_the_topic(worker: LoneWorker, records: list[Record], tids: list[str], rate: int) -> dict[str, float]:
    """Send payments to the topic and read their decisions; return the percentiles in ms."""
    load, cluster = Load(records, tids, rate), worker.cluster
    decisions = worker.topic(topics.DECISIONS)
    consumer = reader(cluster.bootstrap, decisions, cluster.ends(decisions))
    producer = Producer(
        {**PRODUCER, "bootstrap.servers": cluster.bootstrap, "linger.ms": 0, "max.in.flight": 1}
    )
    consumer.poll(0.5)
    sending = threading.Thread(target=load.send, args=(producer, worker.topic(topics.TRANSACTIONS)))
    load.started_s = time.perf_counter() + 0.2
    sending.start()
    load.read(consumer, len(records) / rate + LAST_ANSWER_TIMEOUT_S)
    sending.join()
    consumer.close()
    return _named(load.summary(WARMUP_S))


async def over_http(url: str, records: list[Record], rate: int) -> dict[str, float]:
    """Ask for the decisions of payments; return the percentiles in ms."""
    latency_ms, missing = np.full(len(records), np.nan), 0
    started = time.perf_counter() + 0.2

    async def one(connections: Connections, number: int) -> None:
        nonlocal missing
        status = await connections.ask(records[number].value)
        missing += status != 200
        latency_ms[number] = (time.perf_counter() - started - number / rate) * 1000

    with closing(Connections(url)) as connections:
        asking = []
        for number in range(len(records)):
            await asyncio.sleep(max(0.0, started + number / rate - time.perf_counter()))
            asking.append(asyncio.create_task(one(connections, number)))
        await asyncio.gather(*asking)
    measured = latency_ms[round(WARMUP_S * rate) :]
    p50, p99 = np.percentile(measured, [50, 99]).tolist()
    return _named({"p50": p50, "p99": p99, "missing": missing})


async def most(url: str, payments: Payments, seconds: float) -> float:
    """Return how many requests of one payment a second are answered over so many connections, each asking again at once."""
    answered = 0
    until = time.perf_counter() + seconds

    async def one(connections: Connections) -> None:
        nonlocal answered
        while time.perf_counter() < until:
            (record,), _ = payments.next(1)
            status = await connections.ask(record.value)
            answered += status == 200

    with closing(Connections(url)) as connections:
        await asyncio.gather(*(one(connections) for _ in range(CONNECTIONS)))
    return answered / seconds


async def well(url: str, child: Child) -> None:
    """Wait until the API answers."""
    deadline = time.monotonic() + START_S
    async with aiohttp.ClientSession(url) as session:
        while True:
            child.check()
            try:
                async with session.get("/health") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientConnectionError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)


def measured(worker: LoneWorker, rates: tuple[int, ...], quick: bool) -> dict[str, Any]:
    """Measure both ways at every rate, then the most."""
    payments, latency_ms = Payments(), {}
    with worker.started(), api(worker) as (child, url):
        asyncio.run(well(url, child))
        told("waking up")
        uvloop.run(over_http(url, payments.next(200)[0], 50))
        for rate in rates:
            told(f"{rate:,} payments/s")
            count = round(rate * (4.0 if quick else SECONDS[rate]))
            topic = on_the_topic(worker, *payments.next(count), rate)
            http = uvloop.run(over_http(url, payments.next(count)[0], rate))
            latency_ms[str(rate)] = {"topic": topic, "http": http}
        told(f"the most over {CONNECTIONS} connections")
        cpu_before, began = child.cpu_s(), time.perf_counter()
        found = uvloop.run(most(url, payments, 3.0 if quick else MOST_S))
        share = (child.cpu_s() - cpu_before) / (time.perf_counter() - began)
    return {"latency_ms": latency_ms, "requests_per_s_max": round(found), "api_cpu_share": round(share, 2)}


def _named(summary: dict[str, float]) -> dict[str, float]:
    return {name: round(summary[name], 2) for name in ("p50", "p99", "missing")}


@click.command()
@click.option("--quick", is_flag=True, help="Seconds: proves that it runs, its figures mean little.")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON line.")
def main(quick: bool, data: Path, as_json: bool) -> None:
    """Measure, and print what was found.

    Exit codes: 0 every payment was decided and no answer contradicts the topic, 1 otherwise.
    """
    with tempfile.TemporaryDirectory() as directory, broker(Path(directory) / "broker") as cluster:
        worker = LoneWorker(cluster, prepared_in(data, told), Path(directory), NAME)
        worker.create_topics()
        found = measured(worker, RATES, quick)
        told("kills of worker, API and broker")
        killed = asyncio.run(under_kills(Path(directory) / "kills", 10 if quick else 200, 24))
        rows = BATCH_ROWS_QUICK if quick else ROWS
        rows_dir = data.with_name(f"{data.name}-rows-{rows}")
        found |= {
            "batch": batch(worker.prepared, rows_dir.absolute(), Path(directory), rows, told),
            "kills": killed.kills,
            "contradictions": len(killed.contradictions),
            "unanswered": len(killed.unanswered),
        }
    if not as_json:
        for rate, both in found["latency_ms"].items():
            for way, values in both.items():
                told(f"{rate:>6}/s  {way:<5}  p50 {values['p50']:8.2f} ms  p99 {values['p99']:8.2f} ms")
        rows = found["batch"]
        told(f"{rows['rows']:,} rows predicted in {rows['seconds']} s, {rows['cpu_seconds']} s of CPU")
        told(f"at most {found['requests_per_s_max']:,} requests/s, {found['api_cpu_share']:.0%} of a core")
    click.echo(json.dumps(found))
    raise SystemExit(
        any(values["missing"] for both in found["latency_ms"].values() for values in both.values())
    )


if __name__ == "__main__":
    main()
