"""One worker on a broker of its own, and payments made to measure its state: for `soak` and `cards`."""

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import msgspec

from benchmarks.children import BenchmarkFailed, Child, running
from benchmarks.cluster import Cluster
from benchmarks.plan import QUICK
from benchmarks.prepared import FRAUDSTREAM, Prepared, prepare
from benchmarks.traffic import Record
from fraudstream import topics
from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from fraudstream.tables.activity_store import partition_directory

PARTITIONS = 4
FIRST_CARD = 4_000_000_000_000_000
STALLED_AFTER_S = 120.0
POLL_S = 0.02
data_option = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path(".fraudstream/bench-releases"),
    show_default=True,
    help="Directory of the world and its model, made once.",
)
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


def payment(number: int, event_time_ms: int, tid: str) -> Record:
    """Return a payment of a card as a keyed producer sends it."""
    card = str(FIRST_CARD + number)
    paid = {"tid": tid, "cc_num": card, "amount": 12.5, "trans_ts": event_time_ms / 1000}
    return Record(card.encode(), msgspec.json.encode(paid), partition_of(card, PARTITIONS))


@dataclass(slots=True)
class LoneWorker:
    """A worker that is started and stopped, and what it has on disk."""

    cluster: Cluster
    prepared: Prepared
    directory: Path
    name: str
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def state_dir(self) -> Path:
        """Its RocksDB."""
        return self.directory / self.name

    @property
    def partitions(self) -> list[Path]:
        """The directories of its partitions."""
        every = range(PARTITIONS)
        return [partition_directory(self.state_dir, topics.ACTIVITY_TABLE, number) for number in every]

    def topic(self, topic: topics.Topic) -> str:
        """Return the full name of one of its topics."""
        return f"{self.name}-{topic.name}"

    def create_topics(self) -> None:
        """Create all its topics."""
        named = Settings(_env_file=None, app_id=self.name, topic_prefix=f"{self.name}-")
        self.cluster.create({name: topic.configs() for name, topic in topics.all_topics(named).items()})

    @property
    def environment(self) -> dict[str, str]:
        """The settings of processes beside it: its broker, topics and data."""
        return {
            "FRAUDSTREAM_BROKER": self.cluster.bootstrap,
            "FRAUDSTREAM_APP_ID": self.name,
            "FRAUDSTREAM_TOPIC_PREFIX": f"{self.name}-",
            "FRAUDSTREAM_DATA_DIR": str(self.prepared.data_dir),
            "FRAUDSTREAM_PARTITIONS": str(PARTITIONS),
        }

    @contextmanager
    def started(self) -> Iterator[Child]:
        """Run it for the length of a `with`."""
        environment = self.environment | {"FRAUDSTREAM_STATE_DIR": str(self.state_dir)} | self.settings
        command = [*FRAUDSTREAM, "worker", "--without-web"]
        with running(self.name, command, self.directory / f"{self.name}.log", environment) as child:
            yield child

    def send(self, payments: Iterable[Record]) -> None:
        """Send payments and wait until the broker has them."""
        self.cluster.preload(self.topic(topics.TRANSACTIONS), payments, lambda _sent: None)

    def decided(self) -> int:
        """Return how many decisions there are."""
        return sum(self.cluster.ends(self.topic(topics.DECISIONS)).values())

    def wait(self, child: Child, decisions: int) -> float:
        """Wait until there are so many decisions; return when that was seen (monotonic seconds)."""
        last, heard = -1, time.monotonic()
        while (now := self.decided()) < decisions:
            child.check()
            if now != last:
                last, heard = now, time.monotonic()
            elif time.monotonic() - heard > STALLED_AFTER_S:
                raise BenchmarkFailed(
                    f"{self.name} stopped at {now} of {decisions} decisions; log: {child.log}"
                )
            time.sleep(POLL_S)
        return time.monotonic()

    def disk_mb(self) -> float:
        """Return what its state takes on disk."""
        sizes = (path.stat().st_size for path in self.state_dir.rglob("*") if path.is_file())
        return sum(sizes) / 2**20


def rss_mb(child: Child) -> float:
    """Return the memory a process holds now."""
    return int(Path(f"/proc/{child.process.pid}/statm").read_text().split()[1]) * PAGE_MB


@contextmanager
def broker(directory: Path) -> Iterator[Cluster]:
    """Run an embedded broker for the length of a `with`."""
    with EmbeddedBroker(directory) as started:
        yield Cluster(started.bootstrap, PARTITIONS)


def prepared_in(data_dir: Path, say: Callable[[str], None]) -> Prepared:
    """Return the quick benchmark's world and model, made once."""
    return prepare(QUICK, data_dir, say)


def told(message: str) -> None:
    """Say on stderr what goes on."""
    print(message, file=sys.stderr, flush=True)
