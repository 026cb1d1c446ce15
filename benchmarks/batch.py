"""`python -m benchmarks.batch`: five months of history through every batch step, with time and peak memory of each."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.prepared import FRAUDSTREAM

SAMPLE_EVERY_S = 0.05
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6

OURS = ("generate", "aggregate-duckdb", "night", "dataset", "train", "evaluate")
"""What counts for the totals: everything but the other engine and the stores."""

GOAL_S, GOAL_MB = 40.0, 2000.0


@dataclass(frozen=True, slots=True)
class Measured:
    """A step that has ended without an error."""

    seconds: float
    cpu_s: float
    """Of all threads; on a busy machine it says more than the clock."""
    peak_mb: float
    found: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the figures for a script."""
        times = {"seconds": round(self.seconds, 2), "cpu_seconds": round(self.cpu_s, 2)}
        return {**times, "peak_mb": round(self.peak_mb), **self.found}


def measured(command: list[str], environment: dict[str, str]) -> Measured:
    """Run a step to its end; its memory is that of all its processes together, sampled, at least what the kernel saw."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    with _Memory(process.pid) as memory:
        assert process.stdout is not None
        assert process.stderr is not None
        errors = process.stderr
        said: list[bytes] = []
        reading = threading.Thread(target=lambda: said.append(errors.read()), daemon=True)
        reading.start()
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        reading.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise click.ClickException(f"{' '.join(command)} failed: {said[0].decode(errors='replace')[-800:]}")
    lines = output.decode().strip().splitlines()
    found = json.loads(lines[-1]) if lines and lines[-1].startswith("{") else {}
    cpu_s = usage.ru_utime + usage.ru_stime
    return Measured(time.perf_counter() - started, cpu_s, max(memory.peak_mb, usage.ru_maxrss / 1000), found)


class _Memory:
    """Samples the resident memory of a process group, as long as a `with` lasts."""

    def __init__(self, group: int) -> None:
        self.peak_mb = 0.0
        self._group = group
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def _sample(self) -> None:
        while not self._stopped.wait(SAMPLE_EVERY_S):
            self.peak_mb = max(self.peak_mb, sum(map(self._resident_mb, Path("/proc").glob("[0-9]*"))))

    def _resident_mb(self, process: Path) -> float:
        try:
            if os.getsid(int(process.name)) != self._group:
                return 0.0
            return int((process / "statm").read_text().split()[1]) * PAGE_MB
        except (ProcessLookupError, FileNotFoundError):
            return 0.0

    def __enter__(self) -> "_Memory":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stopped.set()
        self._thread.join()


@click.command(help=__doc__)
@click.option("--cards", default=10_000, show_default=True, help="Cards of the world.")
@click.option("--days", default=152, show_default=True, help="Days of history.")
@click.option("--payments", default=5_400_000, show_default=True, help="Payments in all.")
@click.option(
    "--weekly-cards", default=10_000_000, show_default=True, help="Cards in the weekly stores; 0: none."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the very last line.")
def main(cards: int, days: int, payments: int, weekly_cards: int, as_json: bool) -> None:
    """Run every step; exit with 1 if the two engines do not agree."""
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="fraudstream-batch-") as scratch:
        directory = Path(scratch)
        step = [sys.executable, "-m", "benchmarks.batch_steps"]
        world = ["--cards", str(cards), "--days", str(days), "--payments", str(payments)]
        commands = {
            "generate": [*FRAUDSTREAM, "generate", *world],
            "aggregate-duckdb": [*step, "aggregate-duckdb", scratch],
            "aggregate-spark": [*step, "aggregate-spark", scratch],
            "night": [*FRAUDSTREAM, "aggregate"],
            **{name: [*step, name, scratch] for name in ("dataset", "train", "evaluate")},
        }
        if weekly_cards:
            commands["weekly-write"] = [*step, "weekly-write", scratch, str(weekly_cards)]
            commands |= {name: [*step, name, scratch] for name in ("weekly-snapshot", "weekly-disk")}
        results: dict[str, Measured] = {}
        for name, command in commands.items():
            console.print(f"{name} ...")
            if name == "weekly-write":
                shutil.rmtree(directory / "weekly", ignore_errors=True)
            results[name] = measured(command, {"FRAUDSTREAM_DATA_DIR": scratch})
    show(results)
    if as_json:
        click.echo(json.dumps({name: found.to_json() for name, found in results.items()}))
    sys.exit(0 if equal_rows(results) else 1)


def equal_rows(results: dict[str, Measured]) -> bool:
    """Tell whether DuckDB and Spark found the same for every card."""
    duckdb, spark = (results[f"aggregate-{engine}"].found for engine in ("duckdb", "spark"))
    return bool(duckdb == spark)


def show(results: dict[str, Measured]) -> None:
    """Print the table and whether the goals are met."""
    table = Table("step", "seconds", "CPU s", "peak MB", "found")
    for name, step in results.items():
        found = ", ".join(f"{key} {value}" for key, value in step.found.items() if key != "rows_sha256")
        table.add_row(name, f"{step.seconds:.1f}", f"{step.cpu_s:.1f}", f"{step.peak_mb:,.0f}", found)
    Console(width=None if sys.stdout.isatty() else 140).print(table)
    seconds = sum(results[name].seconds for name in OURS)
    peak_mb = max(results[name].peak_mb for name in OURS)
    cpu_s = sum(results[name].cpu_s for name in OURS)
    met = seconds < GOAL_S and peak_mb < GOAL_MB
    print(
        f"on DuckDB, Polars and XGBoost: {seconds:.1f} s in all ({cpu_s:.1f} s of CPU), {peak_mb:,.0f} MB at most "
        f"(goal: {GOAL_S:.0f} s, {GOAL_MB:,.0f} MB: {'met' if met else 'not met'})"
    )
    payments = results["aggregate-duckdb"].found["payments"]
    agree = "equal rows" if equal_rows(results) else "DIFFERENT ROWS"
    print(f"DuckDB and Spark over {payments:,} payments: {agree}")


if __name__ == "__main__":
    main()
