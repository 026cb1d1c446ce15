"""`python -m benchmarks.cards`: what it costs to remember many cards, and how fast their state comes back.

For every number of cards a worker is given one payment of each, all within the window. Then, in rounds, all of them work
off the same backlogs one after the other, each worker restarted for it: one over as many cards as the smallest state has,
which shows what a larger state costs; and one over all its cards, where nearly every payment is of a card not seen lately.
What is reported is the median of the rounds, each against the smallest state of the same round, because speeds vary. Every
round pays other cards, and the smallest state is filled anew, so that the cards have the same past everywhere.
At last a restart with the state on disk and one with an empty directory.
"""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from shutil import rmtree
from typing import NamedTuple

import click

from benchmarks.cluster import Cluster
from benchmarks.lone_worker import POLL_S, LoneWorker, broker, payment, prepared_in, rss_mb, told
from benchmarks.prepared import Prepared
from benchmarks.traffic import Record

FILLED_MS = 300_000
"""Event time over which the state is filled."""
BACKLOG_MS = 40_000
"""Event time of a backlog: with three rounds of two, every card's first payment is still within its ten minutes."""
WARM_SHARE = 0.2
COMMITTED_WITHIN_S = 2.0
"""Two intervals between commits, as set by default."""
READY = "deciding partitions 0"


class Speed(NamedTuple):
    """How fast a backlog was worked off."""

    per_s: float
    per_cpu_s: float
    """By the worker's own CPU time: comparable also on a machine with other work."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured with so many cards in state: medians of the rounds."""

    cards: int
    per_s: int
    """Payments of as many cards as the smallest state has."""
    per_cpu_s: int
    kept: float
    """Of the payments per second with the smallest state."""
    kept_per_cpu_s: float
    spread_per_s: int
    """The same four when the payments are spread over all cards."""
    spread_per_cpu_s: int
    spread_kept: float
    spread_kept_per_cpu_s: float
    rss_mb: float
    disk_mb: float
    restart_s: float
    """From the start to the first partition ready, with the state on disk."""
    restart_empty_s: float
    """The same from an empty directory."""
    recovered_entries: int


@dataclass(slots=True)
class Remembering:
    """A worker with the payments of so many cards in its state."""

    worker: LoneWorker
    cards: range
    start_ms: int
    decided: int = 0
    rss_mb: float = 0.0

    def fill(self) -> None:
        """Let the worker decide one payment of each card."""
        self.worker.create_topics()
        with self.worker.started() as child:
            self.worker.send(
                payment(number, self.start_ms + index * FILLED_MS // len(self.cards), f"f{number}")
                for index, number in enumerate(self.cards)
            )
            self.worker.wait(child, len(self.cards))
            time.sleep(COMMITTED_WITHIN_S)
        self.decided = len(self.cards)

    def work_off(self, payments: Iterable[Record], backlog: int) -> Speed:
        """Decide a backlog with a new process, and measure what comes after the first fifth of it."""
        self.worker.send(payments)
        with self.worker.started() as child:
            began = self.worker.wait(child, self.decided + round(backlog * WARM_SHARE))
            cpu_began, warm = child.cpu_s(), self.worker.decided()
            self.decided += backlog
            ended, cpu_ended = self.worker.wait(child, self.decided), child.cpu_s()
            self.rss_mb = rss_mb(child)
            time.sleep(COMMITTED_WITHIN_S)
        done = self.decided - warm
        return Speed(done / (ended - began), done / (cpu_ended - cpu_began))

    def restart_s(self) -> float:
        """Start the worker, wait until it decides, stop it; return how long that took."""
        began = time.monotonic()
        with self.worker.started() as child:
            seen = len(child.log.read_text(errors="replace"))
            while READY not in child.log.read_text(errors="replace")[seen:]:
                child.check()
                time.sleep(POLL_S)
            return time.monotonic() - began


def traffic(cards: range, backlog: int, name: str, start_ms: int) -> Iterator[Record]:
    """Return payments of random cards."""
    chance = random.Random(name)
    return (
        payment(chance.choice(cards), start_ms + number * BACKLOG_MS // backlog, f"{name}-{number}")
        for number in range(backlog)
    )


class Comparison:
    """The workers of a run and the speeds of their rounds."""

    def __init__(
        self, sizes: list[int], backlog: int, cluster: Cluster, prepared: Prepared, directory: Path
    ) -> None:
        self.smallest, *self._larger = sorted(sizes)
        self._backlog = backlog
        self._start_ms = time.time_ns() // 1_000_000 - 4 * FILLED_MS
        self._make = lambda name: LoneWorker(cluster, prepared, directory, name)
        self.states: dict[int, Remembering] = {}
        self.same: dict[int, list[Speed]] = {size: [] for size in sizes}
        self.spread: dict[int, list[Speed]] = {size: [] for size in sizes}

    def fill(self) -> None:
        """Fill the larger states; the smallest is filled in every round."""
        for size in self._larger:
            began = time.monotonic()
            self.states[size] = self._filled(f"cards-{size}", range(size))
            told(f"{size:,} cards in state after {time.monotonic() - began:.0f} s")

    def _filled(self, name: str, cards: range) -> Remembering:
        state = Remembering(self._make(name), cards, self._start_ms)
        state.fill()
        return state

    def round(self, number: int) -> None:
        """Let every state work off the same two backlogs."""
        paid = range(number * self.smallest, (number + 1) * self.smallest)
        self.states = {self.smallest: self._filled(f"cards-{self.smallest}-{number}", paid)} | {
            size: self.states[size] for size in self._larger
        }
        start_ms = self._start_ms + FILLED_MS + 2 * number * BACKLOG_MS
        for name, speeds in (("same", self.same), ("spread", self.spread)):
            for size, state in self.states.items():
                cards = paid if name == "same" else state.cards
                payments = traffic(cards, self._backlog, f"{name}-{number}", start_ms)
                speeds[size].append(state.work_off(payments, self._backlog))
                told(f"round {number}, {name}, {size:,} cards: {speeds[size][-1]}")
            start_ms += BACKLOG_MS

    def figures(self, size: int) -> Figures:
        """Restart a worker twice and return all that was measured of it."""
        state = self.states[size]
        disk_mb, restart_s = state.worker.disk_mb(), state.restart_s()
        rmtree(state.worker.state_dir)
        return Figures(
            size,
            *self._medians(self.same, size),
            *self._medians(self.spread, size),
            round(state.rss_mb, 1),
            round(disk_mb, 1),
            round(restart_s, 2),
            round(state.restart_s(), 2),
            state.decided,
        )

    def _medians(self, speeds: dict[int, list[Speed]], size: int) -> tuple[int, int, float, float]:
        pairs = list(zip(speeds[size], speeds[self.smallest], strict=True))
        return (
            round(statistics.median(speed.per_s for speed, _ in pairs)),
            round(statistics.median(speed.per_cpu_s for speed, _ in pairs)),
            round(statistics.median(speed.per_s / least.per_s for speed, least in pairs), 3),
            round(statistics.median(speed.per_cpu_s / least.per_cpu_s for speed, least in pairs), 3),
        )


@click.command(help=__doc__)
@click.option("--cards", default="10000,1000000", show_default=True, help="Numbers of cards, by commas.")
@click.option("--backlog", default=200_000, show_default=True, help="Payments of a measurement.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 3))
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=Path(".fraudstream/benchmarks"), show_default=True
)
def main(cards: str, backlog: int, rounds: int, as_json: bool, data_dir: Path) -> None:
    """Fill, play the rounds, restart."""
    sizes = sorted(map(int, cards.split(",")))
    if any(size < rounds * sizes[0] for size in sizes[1:]):
        raise click.UsageError(
            f"every round pays {sizes[0]:,} other cards: the larger states need {rounds} times that"
        )
    prepared = prepared_in(data_dir, told)
    with tempfile.TemporaryDirectory() as directory, broker(Path(directory) / "broker") as cluster:
        comparison = Comparison(sizes, backlog, cluster, prepared, Path(directory))
        comparison.fill()
        for number in range(rounds):
            comparison.round(number)
        found = {size: comparison.figures(size) for size in sizes}
    print(_table(list(found.values())))
    if as_json:
        print(json.dumps({size: asdict(each) for size, each in found.items()}))


def _table(found: list[Figures]) -> str:
    lines = [
        "| cards in state | payments/s | kept | per CPU s | kept | over all | kept | per CPU s | kept | RSS MB | disk MB | restart s | empty s | entries/s |",
        "|---|" + "---|" * 13,
    ]
    for each in found:
        # Less the smallest state's restart: most of a large state's own is the look at what an empty directory has not.
        recovery_s = each.restart_empty_s - found[0].restart_s
        lines.append(
            f"| {each.cards:,} | {each.per_s:,} | {each.kept:.0%} | {each.per_cpu_s:,} | {each.kept_per_cpu_s:.0%} "
            f"| {each.spread_per_s:,} | {each.spread_kept:.0%} | {each.spread_per_cpu_s:,} | {each.spread_kept_per_cpu_s:.0%} "
            f"| {each.rss_mb:.0f} | {each.disk_mb:.0f} | {each.restart_s} | {each.restart_empty_s} "
            f"| {f'{each.recovered_entries / recovery_s:,.0f}' if each is not found[0] else ''} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
