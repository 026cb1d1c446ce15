"""What a worker does while its weekly store misbehaves: `python -m benchmarks.lookup_faults`.

A real worker on an embedded broker looks every week up in SageMaker Feature Store (ours, over HTTP, in a process of its own)
without remembering any; payments come on a schedule, whatever happens. Each fault begins with its load. Latency is
from the moment a payment was due to its decision read back. Exit code 1 if a payment is lost or p99 is too high.
"""

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.children import running
from benchmarks.cluster import Cluster
from benchmarks.contestants import Run, topic_configs
from benchmarks.latency import answered
from benchmarks.plan import QUICK, Rate
from benchmarks.prepared import FRAUDSTREAM, Prepared, prepare
from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.process.ports import free_port
from fraudstream.settings import Settings

PLAN = replace(QUICK, cards=10_000, traffic_days=1, wake_up=Rate(200, 0, 20))
SLACK_MS = 20.0
"""Above the deadline of the look-up p99 may be this much: everything else a decision takes."""

RECOVERY = Rate(100, 0, 3)
"""Sent while nothing is wrong, between the faults, and not measured."""

FAULTS: dict[str, dict[str, Any]] = {
    "none": {},
    "connections refused": {"refusing": True},
    "answers after 5 s": {"latency_ms": 5000},
    "answers after 80 ms": {"latency_ms": 80},
    "down every other half second": {"flapping_ms": 500},
    "5 s slow every other half second": {"flapping_ms": 500, "latency_ms": 5000},
    "a third of the calls fails": {"error_share": 0.33},
    "throttling": {"throttling": True},
    "a third of the cards unprocessed": {"unprocessed_share": 0.33},
    "garbage: means are NaN": {"garbage": "nan"},
    "garbage: counts are negative": {"garbage": "negative"},
    "garbage: records of another card": {"garbage": "other-card"},
    "garbage: HTML instead of JSON": {"garbage": "no-json"},
}
"""Fault -> what the store is told to do."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one fault did."""

    payments: int
    p50_ms: float
    p99_ms: float
    max_ms: float
    lookup_p99_ms: float
    """The part of it in which the payment's micro-batch looked weeks up."""
    degraded_share: float
    lost: int
    calls: int
    """Requests that reached the store."""


class FeatureStore:
    """The store's two URLs: where the worker asks, and where its faults are set."""

    def __init__(self, url: str, control_url: str) -> None:
        self.url = url
        self._control_url = control_url

    def set_faults(self, wanted: dict[str, Any]) -> int:
        """Set the faults; return how many batches were asked for so far."""
        request = urllib.request.Request(self._control_url, json.dumps(wanted).encode(), method="PUT")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return int(json.loads(answer.read())["requests"].get("BatchGetRecord", 0))


@contextmanager
def feature_store() -> Iterator[FeatureStore]:
    """Run the fake for the length of a `with`."""
    command = [sys.executable, "-m", "tests.fake_feature_store"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield FeatureStore(**json.loads(process.stdout.readline()))
        finally:
            process.terminate()


def measured(run: Run, store: FeatureStore, rate: Rate, names: list[str], console: Console) -> dict[str, Row]:
    """Play one fault after the other to a worker that is running."""
    rows = {}
    skip = PLAN.wake_up.payments
    answered(run, PLAN.wake_up, 0)
    for name in names:
        console.print(name)
        before = store.set_faults(FAULTS[name])
        told = answered(run, rate, skip)
        calls = store.set_faults({}) - before
        answered(run, RECOVERY, skip + rate.payments)
        skip += rate.payments + RECOVERY.payments
        rows[name] = Row(
            payments=told["payments"],
            p50_ms=round(told["p50"], 1),
            p99_ms=round(told["p99"], 1),
            max_ms=round(told["max"], 1),
            lookup_p99_ms=round(told["lookup_p99"], 1),
            degraded_share=round(told["without_week"] / told["payments"], 4),
            lost=told["missing"],
            calls=calls,
        )
    return rows


def faults(rate: Rate, names: list[str], data_dir: Path, console: Console) -> tuple[Settings, dict[str, Row]]:
    """Prepare a world, start broker, store and worker, and play the faults."""
    os.environ |= {"AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nothing"}
    prepared = prepare(PLAN, data_dir, console.print)
    scratch = Path(tempfile.mkdtemp(prefix="fraudstream-faults-"))
    with ExitStack() as stack:
        store = stack.enter_context(feature_store())
        broker = stack.enter_context(EmbeddedBroker(scratch / "broker"))
        run = Run(broker.bootstrap, "faults", "faults-", scratch, PLAN, prepared)
        Cluster(broker.bootstrap, PLAN.partitions).create(topic_configs(run.prefix, PLAN))
        settings = _settings(run, store, prepared)
        environment = {
            f"FRAUDSTREAM_{name.upper()}": str(value)
            for name, value in settings.model_dump(exclude_none=True).items()
        }
        for step in ("create", "load"):
            subprocess.run(
                [*FRAUDSTREAM, "store", step],
                env=os.environ | environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        stack.enter_context(running("worker", [*FRAUDSTREAM, "worker"], scratch / "log", environment))
        return settings, measured(run, store, rate, names, console)


def _settings(run: Run, store: FeatureStore, prepared: Prepared) -> Settings:
    return Settings(
        _env_file=None,
        broker=run.bootstrap,
        app_id=run.group,
        topic_prefix=run.prefix,
        partitions=PLAN.partitions,
        data_dir=prepared.data_dir,
        state_dir=run.directory / "state",
        web_port=free_port("127.0.0.1"),
        weekly_store="sagemaker://faults",
        weekly_endpoint_url=store.url,
        weekly_region="eu-central-1",
        weekly_cache_cards=0,
    )


@click.command(help=__doc__)
@click.option("--rate", type=click.IntRange(1), default=200, show_default=True, help="Payments a second.")
@click.option(
    "--seconds", type=click.FloatRange(1), default=8.0, show_default=True, help="Length of a fault."
)
@click.option("--only", type=click.Choice(list(FAULTS)), multiple=True, help="Only this fault; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the very last line.")
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=Path(".fraudstream/benchmarks/faults"),
    show_default=True,
)
def main(rate: int, seconds: float, only: tuple[str, ...], as_json: bool, data_dir: Path) -> None:
    """Play the faults and print a table."""
    settings, rows = faults(Rate(rate, 0, seconds), list(only or FAULTS), data_dir, Console(stderr=True))
    limit_ms = settings.lookup_timeout_ms + SLACK_MS
    table = Table("fault", *(name.replace("_", " ") for name in Row.__slots__), box=None)
    for name, row in rows.items():
        figures = (
            f"{value:.1%}" if key == "degraded_share" else f"{value:,}" for key, value in asdict(row).items()
        )
        table.add_row(name, *figures)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    kept = all(row.p99_ms <= limit_ms and not row.lost for row in rows.values())
    if as_json:
        told = {name: asdict(row) for name, row in rows.items()}
        click.echo(json.dumps({"rate": rate, "p99_limit_ms": limit_ms, "kept": kept, "faults": told}))
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
