"""`python -m benchmarks.cards`: what it costs to remember many cards, and how fast their state comes back.

For every number of cards: one payment each (all within the window), then a backlog spread over them, worked off by a
restarted worker; then a restart with the state on disk and one with an empty directory, whose difference is recovery.
"""

import json
import random
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree

import click

from benchmarks.children import Child
from benchmarks.lone_worker import POLL_S, LoneWorker, broker, payment, prepared_in, rss_mb, told
from benchmarks.traffic import Record

SPREAD_MS = 300_000
"""Event time of all payments: no bucket is old enough to go."""
WARM_SHARE = 0.2
READY = "deciding partitions 0"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured with so many cards in state."""

    cards: int
    payments_per_s: float
    payments_per_cpu_s: float
    """By the worker's own CPU time: comparable also on a machine with other work."""
    share_kept: float
    """Of the payments per CPU second with the first number of cards."""
    rss_mb: float
    disk_mb: float
    recovered_entries: int
    recovered_per_cpu_s: float | None
    """By the CPU time that a restart from an empty directory takes longer; None if it does not."""
    restart_s: float
    """From the start to the first partition ready, with the state on disk."""
    restart_empty_s: float
    """The same from an empty directory."""


def made(cards: int, backlog: int, start_ms: int) -> tuple[Iterator[Record], Iterator[Record]]:
    """Return one payment for each card, and a backlog over all of them."""
    chance = random.Random(cards)
    fill = (payment(number, start_ms + number * SPREAD_MS // cards, f"f{number}") for number in range(cards))
    rest = (
        payment(chance.randrange(cards), start_ms + SPREAD_MS + number * SPREAD_MS // backlog, f"b{number}")
        for number in range(backlog)
    )
    return fill, rest


def measure(worker: LoneWorker, cards: int, backlog: int, first: float | None) -> Figures:
    """Fill a worker's state, let it work off the backlog, and restart it twice."""
    start_ms = time.time_ns() // 1_000_000 - 4 * SPREAD_MS
    fill, rest = made(cards, backlog, start_ms)
    worker.create_topics()
    with worker.started() as child:
        worker.send(fill)
        worker.wait(child, cards)
        time.sleep(2)  # for the last commit
    told(f"{cards:,} cards in state")
    worker.send(rest)
    warm = round(backlog * WARM_SHARE)
    with worker.started() as child:
        began, cpu_before = worker.wait(child, cards + warm), child.cpu_s()
        before = worker.decided()
        ended, cpu_after = worker.wait(child, cards + backlog), child.cpu_s()
        rss, disk = rss_mb(child), worker.disk_mb()
        time.sleep(2)
    done = cards + backlog - before
    per_cpu_s = done / (cpu_after - cpu_before)
    kept_s, kept_cpu_s = _restart(worker)
    rmtree(worker.state_dir)
    empty_s, empty_cpu_s = _restart(worker)
    entries, recovery_cpu_s = cards + backlog, empty_cpu_s - kept_cpu_s
    return Figures(
        cards,
        round(done / (ended - began)),
        round(per_cpu_s),
        round(per_cpu_s / (first or per_cpu_s), 3),
        round(rss, 1),
        round(disk, 1),
        entries,
        round(entries / recovery_cpu_s) if recovery_cpu_s > 0 else None,
        round(kept_s, 2),
        round(empty_s, 2),
    )


def _restart(worker: LoneWorker) -> tuple[float, float]:
    """Start the worker, wait until it decides, stop it; return seconds and CPU seconds of that."""
    began = time.monotonic()
    with worker.started() as child:
        seen = len(child.log.read_text(errors="replace"))
        _until_ready(child, seen)
        return time.monotonic() - began, child.cpu_s()


def _until_ready(child: Child, seen: int) -> None:
    while READY not in child.log.read_text(errors="replace")[seen:]:
        child.check()
        time.sleep(POLL_S)


@click.command(help=__doc__)
@click.option("--cards", default="10000,1000000", show_default=True, help="Numbers of cards, by commas.")
@click.option("--backlog", default=200_000, show_default=True, help="Payments of a measurement.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=Path(".fraudstream/benchmarks"), show_default=True
)
def main(cards: str, backlog: int, as_json: bool, data_dir: Path) -> None:
    """Measure one number of cards after the other, each with topics and a directory of its own."""
    found: list[Figures] = []
    prepared = prepared_in(data_dir, told)
    with tempfile.TemporaryDirectory() as directory, broker(Path(directory) / "broker") as cluster:
        for number in map(int, cards.split(",")):
            worker = LoneWorker(cluster, prepared, Path(directory), f"cards-{number}")
            found.append(measure(worker, number, backlog, found[0].payments_per_cpu_s if found else None))
            told(str(found[-1]))
    if as_json:
        click.echo(json.dumps([asdict(figures) for figures in found]))
        return
    for figures in found:
        click.echo(" · ".join(f"{name} {value}" for name, value in asdict(figures).items()))


if __name__ == "__main__":
    main()
