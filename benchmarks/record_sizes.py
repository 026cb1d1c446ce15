"""`python -m benchmarks.record_sizes`: how many bytes a payment leaves in each topic, in the archive and in a worker's state.

A worker decides simulated payments, and its topics' files and the archive are measured and divided by the payments. Then
another worker decides payments of many cards within five minutes, so that all are in its state, which is measured.
`fraudstream sizing` has its defaults from here.
"""

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click

from benchmarks.children import BenchmarkFailed
from benchmarks.cluster import Cluster
from benchmarks.lone_worker import PARTITIONS, LoneWorker, broker, payment, prepared_in, told
from benchmarks.plan import QUICK
from benchmarks.prepared import FRAUDSTREAM, Prepared
from benchmarks.traffic import Record, payments_of, records_of, without_keys
from fraudstream import topics
from fraudstream.settings import Settings

STATE_MS = 300_000
"""Event time of the payments that are in state: less than a window."""
COMMITTED_WITHIN_S = 2.0
"""Two intervals between commits, as set by default."""


@dataclass(frozen=True, slots=True)
class RecordSizes:
    """Bytes on disk, headers of records and batches included; topics uncompressed, as the worker writes them."""

    payments: int
    transaction_bytes: float
    repartitioned_bytes: float
    """Of a payment that came without a key, on another partition than its card's, and was written again."""
    decision_bytes: float
    alert_bytes: float
    alert_share: float
    """Alerts per decision, which depends on the world."""
    changelog_bytes: float
    archive_row_bytes: float
    state_payments: int
    state_bytes: float
    """Of RocksDB for a payment that a window may still need."""


def topic_bytes(data_dir: Path, topic: str) -> int:
    """Return what the partitions of a topic take on the broker's disk, without their indexes."""
    logs = data_dir.rglob(f"{topic}-[0-9]*/*.log")
    return sum(path.stat().st_size for path in logs)


def archived_bytes(worker: LoneWorker) -> int:
    """Archive all decisions of a worker, and return what the Parquet files take."""
    folder = worker.directory / "archive"
    environment = os.environ | worker.environment | {"FRAUDSTREAM_ARCHIVE": str(folder)}
    command = [*FRAUDSTREAM, "archive", "run", "--once"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchmarkFailed(f"fraudstream archive run --once failed: {done.stderr.strip()[-500:]}")
    return sum(path.stat().st_size for path in folder.rglob("*.parquet"))


@dataclass(frozen=True, slots=True)
class Measuring:
    """A broker, its directory, and the payments that are decided on it."""

    cluster: Cluster
    prepared: Prepared
    directory: Path
    records: list[Record]

    def _worker(self, name: str) -> LoneWorker:
        worker = LoneWorker(self.cluster, self.prepared, self.directory, name)
        worker.create_topics()
        return worker

    def _decided(self, name: str, records: Iterator[Record], count: int) -> LoneWorker:
        """Return a worker that has decided these payments, and has committed and stopped."""
        worker = self._worker(name)
        worker.send(records)
        with worker.started() as child:
            worker.wait(child, count)
            time.sleep(COMMITTED_WITHIN_S)
        return worker

    def _bytes(self, worker: LoneWorker, topic: topics.Topic) -> int:
        return topic_bytes(self.directory / "broker", worker.topic(topic))

    def sizes(self, state_payments: int) -> RecordSizes:
        """Let three workers decide, and measure what that left."""
        count = len(self.records)
        told(f"{count:,} payments")
        keyed = self._decided("keyed", iter(self.records), count)
        log = topics.changelog(Settings(_env_file=None, app_id=keyed.name)).name
        alerts = sum(self.cluster.ends(keyed.topic(topics.ALERTS)).values())
        told("the same payments without keys")
        unkeyed = self._decided("unkeyed", iter(without_keys(self.records, PARTITIONS)), count)
        again = sum(self.cluster.ends(unkeyed.topic(topics.REPARTITIONED)).values())
        told(f"{state_payments:,} payments of as many cards within five minutes")
        now = time.time_ns() // 1_000_000 - 2 * STATE_MS
        many = (
            payment(number, now + number * STATE_MS // state_payments, str(number))
            for number in range(state_payments)
        )
        full = self._decided("state", many, state_payments)
        return RecordSizes(
            payments=count,
            transaction_bytes=round(self._bytes(keyed, topics.TRANSACTIONS) / count, 1),
            repartitioned_bytes=round(self._bytes(unkeyed, topics.REPARTITIONED) / max(again, 1), 1),
            decision_bytes=round(self._bytes(keyed, topics.DECISIONS) / count, 1),
            alert_bytes=round(self._bytes(keyed, topics.ALERTS) / max(alerts, 1), 1),
            alert_share=round(alerts / count, 4),
            changelog_bytes=round(topic_bytes(self.directory / "broker", log) / count, 1),
            archive_row_bytes=round(archived_bytes(keyed) / count, 1),
            state_payments=state_payments,
            state_bytes=round(full.disk_mb() * 2**20 / state_payments, 1),
        )


@click.command(help=__doc__)
@click.option("--payments", default=15_000, show_default=True, type=click.IntRange(1, 17_000))
@click.option("--state-payments", default=1_000_000, show_default=True, type=click.IntRange(1))
@click.option("--json", "as_json", is_flag=True, help="One JSON object as the last line.")
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=Path(".fraudstream/benchmarks"), show_default=True
)
def main(payments: int, state_payments: int, as_json: bool, data_dir: Path) -> None:
    """Measure and print."""
    prepared = prepared_in(data_dir / "quick", told)
    wanted = payments_of(prepared.settings.history_dir, prepared.first_day, prepared.days, 0, payments)
    with tempfile.TemporaryDirectory() as directory, broker(Path(directory) / "broker") as cluster:
        records = records_of(wanted, QUICK.partitions)
        found = Measuring(cluster, prepared, Path(directory), records).sizes(state_payments)
    if as_json:
        click.echo(json.dumps(asdict(found)))
        return
    for name, value in asdict(found).items():
        click.echo(f"{name:22} {value:>12,}")


if __name__ == "__main__":
    main()
