"""`python -m benchmarks.cards`: what it costs to remember many cards, and how fast their state comes back.

For every number of cards: one payment each (all within the window), then two backlogs, each worked off by a restarted worker:
one over as many cards as in the first case, which shows what a larger state costs; and one over all of them, where nearly
every payment is of a card not seen lately. Then a restart with the state on disk and one with an empty directory, whose
difference is recovery.
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
    """Of as many cards as in the first case."""
    payments_per_cpu_s: float
    """By the worker's own CPU time: comparable also on a machine with other work."""
    share_kept: float
    """Of the payments per CPU second in the first case."""
    spread_per_s: float
    """The same three when the payments are spread over all cards."""
    spread_per_cpu_s: float
    spread_share_kept: float
    rss_mb: float
    disk_mb: float
    recovered_entries: int
    recovered_per_cpu_s: float | None
    """By the CPU time that a restart from an empty directory takes longer; None if it does not."""
    restart_s: float
    """From the start to the first partition ready, with the state on disk."""
    restart_empty_s: float
    """The same from an empty directory."""


def filling(cards: int, start_ms: int) -> Iterator[Record]:
    """Return one payment of each card."""
    return (payment(number, start_ms + number * SPREAD_MS // cards, f"f{number}") for number in range(cards))


def traffic(cards: int, payments: int, name: str, start_ms: int) -> Iterator[Record]:
    """Return payments of random cards."""
    chance = random.Random(name)
    return (
        payment(
            chance.randrange(cards), start_ms + number * SPREAD_MS // payments, f"{name}-{cards}-{number}"
        )
        for number in range(payments)
    )


def measure(worker: LoneWorker, cards: int, backlog: int, first: Figures | None) -> Figures:
    """Fill a worker's state, let it work off the backlogs, and restart it twice."""
    start_ms = time.time_ns() // 1_000_000 - 4 * SPREAD_MS
    worker.create_topics()
    with worker.started() as child:
        worker.send(filling(cards, start_ms))
        worker.wait(child, cards)
        time.sleep(2)  # for the last commit
    told(f"{cards:,} cards in state")
    begin_ms = start_ms + SPREAD_MS
    worker.send(traffic(first.cards if first else cards, backlog, "same", begin_ms))
    with worker.started() as child:
        per_s, per_cpu_s = _worked_off(worker, child, cards, backlog)
        time.sleep(2)
    worker.send(traffic(cards, backlog, "spread", begin_ms + SPREAD_MS))
    with worker.started() as child:
        spread_per_s, spread_per_cpu_s = _worked_off(worker, child, cards + backlog, backlog)
        rss, disk = rss_mb(child), worker.disk_mb()
        time.sleep(2)
    kept_s, kept_cpu_s = _restart(worker)
    rmtree(worker.state_dir)
    empty_s, empty_cpu_s = _restart(worker)
    entries, recovery_cpu_s = cards + 2 * backlog, empty_cpu_s - kept_cpu_s
    return Figures(
        cards,
        round(per_s),
        round(per_cpu_s),
        round(per_cpu_s / (first.payments_per_cpu_s if first else per_cpu_s), 3),
        round(spread_per_s),
        round(spread_per_cpu_s),
        round(spread_per_cpu_s / (first.spread_per_cpu_s if first else spread_per_cpu_s), 3),
        round(rss, 1),
        round(disk, 1),
        entries,
        round(entries / recovery_cpu_s) if recovery_cpu_s > 0 else None,
        round(kept_s, 2),
        round(empty_s, 2),
    )


def _worked_off(worker: LoneWorker, child: Child, before: int, backlog: int) -> tuple[float, float]:
    """Wait for a backlog to be decided, `before` decisions after the first; return payments per second and CPU second."""
    began, cpu_began = worker.wait(child, before + round(backlog * WARM_SHARE)), child.cpu_s()
    warm = worker.decided()
    ended, cpu_ended = worker.wait(child, before + backlog), child.cpu_s()
    done = before + backlog - warm
    return done / (ended - began), done / (cpu_ended - cpu_began)


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
            found.append(measure(worker, number, backlog, found[0] if found else None))
            told(str(found[-1]))
    if as_json:
        click.echo(json.dumps([asdict(figures) for figures in found]))
        return
    for figures in found:
        click.echo(" · ".join(f"{name} {value}" for name, value in asdict(figures).items()))


if __name__ == "__main__":
    main()
