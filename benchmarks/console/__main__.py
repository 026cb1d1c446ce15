"""`python -m benchmarks.console`: the console with many cases, on SQLite and on PostgreSQL, and what it costs a worker."""

import asyncio
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from sqlalchemy import func, select

from benchmarks.console.beside import beside_a_worker
from benchmarks.console.cases import fill, on_a_list
from benchmarks.console.pages import axe_serious, console, p95, page_ms
from benchmarks.lone_worker import PARTITIONS, LoneWorker, broker, data_option, prepared_in, told
from benchmarks.search import search_10m
from fraudstream import topics
from fraudstream.adapters.database.cases import CaseStore
from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.positions import stored
from fraudstream.adapters.database.tables import CASES
from fraudstream.adapters.kafka.admin import ensure_topics
from fraudstream.adapters.lists.changes import written
from fraudstream.settings import Settings
from tests.console.intake.killing import Killed, under_kills
from tests.postgresql_server import PostgreSQL

RATE = 1_000
SECONDS = 15.0
EACH_PAGE = 40
LISTED = 10_000
"""Values on a list."""
KILL_TURNS = 3


@contextmanager
def addresses(directory: Path) -> Iterator[dict[str, str]]:
    """Yield an empty database of each kind."""
    with PostgreSQL(durable=True) as server:
        yield {"sqlite": f"sqlite:///{directory / 'console.db'}", "postgresql": server.new_database()}


def with_many_cases(worker: LoneWorker, directory: Path, cases: int, each: int) -> dict[str, Any]:
    """Fill a database of each kind; measure its pages, and what axe finds on the first."""
    found: dict[str, Any] = {"pages_p95_ms": {}}
    asyncio.run(written(_settings(worker, worker.name, directory), on_a_list(LISTED)))
    with addresses(directory) as urls:
        for kind, url in urls.items():
            engine = opened(url)
            told(f"{kind}: filling")
            open_ids = fill(engine, cases, told)
            with console(worker, engine, directory / f"{kind}.log") as running:
                page_ms(running, open_ids, 2)
                took = page_ms(running, open_ids, each)
                for name, times in sorted(took.items()):
                    told(f"{kind:<11} {name:<22} p95 {p95(times):8.1f} ms")
                found["pages_p95_ms"][kind] = p95([ms for times in took.values() for ms in times])
                if "axe_serious" not in found:
                    found["axe_serious"] = axe_serious(running, open_ids[0])
            engine.dispose()
    return found


def recovered(worker: LoneWorker, directory: Path) -> dict[str, float]:
    """Start a console on a new database; return how many cases it took from the topic, and the seconds since its start."""
    engine, began_s = opened(f"sqlite:///{directory / 'recovered.db'}"), time.monotonic()
    topic = worker.topic(topics.CASES)
    with console(worker, engine, directory / "recovered.log"):
        while True:
            with CaseStore(engine).reading() as reading:
                if stored(reading.connection, topic):  # how far it was read is stored behind the last case
                    took_s = time.monotonic() - began_s
                    cases = reading.connection.execute(select(func.count()).select_from(CASES)).scalar_one()
                    return {"cases": cases, "seconds": round(took_s, 2)}
            time.sleep(0.05)


def _settings(worker: LoneWorker, app_id: str, directory: Path) -> Settings:
    """Return settings for topics of one's own on a worker's broker."""
    return Settings(
        _env_file=None,
        broker=worker.cluster.bootstrap,
        app_id=app_id,
        topic_prefix=f"{app_id}-",
        partitions=PARTITIONS,
        data_dir=directory / app_id,
    )


def killed(worker: LoneWorker, directory: Path, turns: int) -> dict[str, int]:
    """Kill console and database under load; return how often, and what was lost or doubled."""
    settings = _settings(worker, "kills", directory)

    async def run() -> Killed:
        await ensure_topics(settings)
        return await under_kills(settings, turns)

    found = asyncio.run(run())
    lost, doubled = len(found.lost), len(found.doubled)
    wrong = len(found.labels_wrong) + len(found.unpublished)
    return {
        "kills": found.kills,
        "cases_lost": lost,
        "cases_doubled": doubled,
        "labels_wrong": wrong,
        "labels_doubled": len(found.labels_doubled),
    }


@click.command()
@click.option("--cases", default=100_000, show_default=True, help="Cases in each database.")
@click.option("--payments", default=10_000_000, show_default=True, help="Archived payments of the search.")
@click.option("--quick", is_flag=True, help="A minute: proves that it runs, its figures mean little.")
@data_option
@click.option("--json", "as_json", is_flag=True, help="Print the result as one JSON line.")
def main(cases: int, payments: int, quick: bool, data: Path, as_json: bool) -> None:
    """Measure, and print what was found.

    Exit codes: 0 no case lost or doubled, every label once, and nothing serious found by axe, 1 otherwise.
    """
    if quick:
        cases, payments = 500, 100_000
    with tempfile.TemporaryDirectory() as name, broker(Path(name) / "broker") as cluster:
        directory = Path(name)
        worker = LoneWorker(cluster, prepared_in(data, told), directory, "console")
        worker.create_topics()
        found: dict[str, Any] = {"cases": cases}
        found |= with_many_cases(worker, directory, cases, 3 if quick else EACH_PAGE)
        found["recovered"] = recovered(worker, directory)
        told("kills of console and database")
        found |= killed(worker, directory, 1 if quick else KILL_TURNS)
        told(f"search in {payments:,} payments")
        found["search_10m_s"] = round(max(search_10m(payments).values()), 3)
        alone = LoneWorker(cluster, worker.prepared, directory, "beside")  # on topics that hold nothing else
        alone.create_topics()
        found |= beside_a_worker(alone, directory, 100 if quick else RATE, 3.0 if quick else SECONDS)
    if not as_json:
        for part, value in found.items():
            told(f"{part:<16} {value}")
    click.echo(json.dumps(found))
    wrong = ("axe_serious", "cases_lost", "cases_doubled", "labels_wrong", "labels_doubled")
    raise SystemExit(any(found[each] for each in wrong))


if __name__ == "__main__":
    main()
