"""`python -m benchmarks.models`: how good models are, on real card payments and in our worlds, beside published figures."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from benchmarks.prepared import FRAUDSTREAM
from benchmarks.second_world import Sized, second_world
from fraudstream.adapters.event_types import event_type_named
from fraudstream.adapters.public_data import CREDITCARD, fetch
from fraudstream.domain.errors import FraudstreamError
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.ranking import FIGURES, Ranking, intervals
from fraudstream.offline.training.anomaly import isolating
from fraudstream.offline.training.fitting import fitted
from fraudstream.offline.training.folds import judged_folds
from fraudstream.offline.training.options import TrainingOptions
from fraudstream.world.handbook import DAYS as HANDBOOK_DAYS

LEARNT, TESTED = 227_845, 56_962
"""The Fraud Dataset Benchmark's split of creditcard.csv: the first 80 % in order of time, and the last 20 %, with 75 frauds."""

PUBLISHED: dict[str, dict[str, tuple[float, ...]]] = {
    "Amazon Fraud Detector": {"auc": (0.985, 0.990), "recall_at_1pct_fpr": (0.88,)},
    "AutoGluon": {"auc": (0.990,)},
    "H2O": {"auc": (0.992,)},
}
"""What the Fraud Dataset Benchmark's authors report for ccfraud."""

SHALLOW = {"min_child_weight": 1, "gamma": 0, "max_bin": 256, "reg_lambda": 5}
CANDIDATES = {
    "as the AWS sample": TrainingOptions(),
    "depth 4, slower": TrainingOptions(
        rounds=400, params={**SHALLOW, "max_depth": 4, "eta": 0.05, "colsample_bytree": 0.5}
    ),
    "depth 5, fraud counts 20 times": TrainingOptions(
        rounds=300,
        class_weight=20.0,
        params={**SHALLOW, "max_depth": 5, "eta": 0.05, "colsample_bytree": 0.3},
    ),
    "depth 5, fraud counts 20 times, fewer rounds": TrainingOptions(
        rounds=120,
        class_weight=20.0,
        params={**SHALLOW, "max_depth": 5, "eta": 0.05, "colsample_bytree": 0.3},
    ),
    "depth 5, fraud counts 20 times, four trees a round": TrainingOptions(
        rounds=120,
        class_weight=20.0,
        params={
            **SHALLOW,
            "max_depth": 5,
            "eta": 0.05,
            "subsample": 0.5,
            "colsample_bynode": 0.3,
            "num_parallel_tree": 4,
        },
    ),
}
"""Ways to fit creditcard.csv, from which the payments to learn from choose."""

FOLDS = 4
STORIES = 1000


@click.command(help=__doc__)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object as the very last line.")
@click.option(
    "--creditcard",
    type=click.Path(path_type=Path, dir_okay=False),
    default=Path(".fraudstream/datasets/creditcard.csv"),
    show_default=True,
    help="Kaggle's file; fetched if it is not there.",
)
@click.option("--cards", default=10_000, show_default=True, help="Cards of the card world.")
@click.option("--payments", default=5_400_000, show_default=True, help="Payments of the card world.")
@click.option("--days", default=152, show_default=True, help="Days of the card world.")
@click.option(
    "--sparkov-payments", default=1_800_000, show_default=True, help="Payments of the sparkov world."
)
@click.option(
    "--handbook-cards",
    default=5000,
    show_default=True,
    help="Customers of the Handbook's world, for 183 days.",
)
@click.option(
    "--only", type=click.Choice(["ccfraud", "card", "sparkov", "second_world"]), help="Only this part."
)
def main(
    as_json: bool,
    creditcard: Path,
    cards: int,
    payments: int,
    days: int,
    sparkov_payments: int,
    handbook_cards: int,
    only: str | None,
) -> None:
    """Run every part; each has a data directory of its own, which is removed."""
    size = ("--cards", str(cards), "--payments", str(payments), "--days", str(days))
    worlds = (
        Sized("card", size),
        Sized("hard", size),
        Sized("handbook", ("--cards", str(handbook_cards), "--days", str(HANDBOOK_DAYS))),
    )
    parts: dict[str, Callable[[Path], dict[str, Any]]] = {
        "ccfraud": lambda data: ccfraud(creditcard, data),
        "card": lambda data: world("card", cards, payments, days, data) | stories(data),
        "sparkov": lambda data: sparkov(sparkov_payments, days, data),
        "second_world": lambda data: second_world(worlds, data, run),
    }
    found: dict[str, dict[str, Any]] = {}
    for name, part in parts.items():
        if only in (None, name):
            Console(stderr=True).print(f"{name} ...")
            with tempfile.TemporaryDirectory(prefix="fraudstream-models-") as directory:
                try:
                    found[name] = part(Path(directory))
                except FraudstreamError as error:
                    raise click.ClickException(f"{name}: {error}") from error
    show(found)
    if as_json:
        click.echo(json.dumps(found))


def ccfraud(file: Path, data: Path) -> dict[str, Any]:
    """Learn from the first payments of creditcard.csv, which also choose how, and test with the last ones."""
    fetch(CREDITCARD, file)
    run("creditcard", data, "history", "import", str(file), "--json")
    event_type = event_type_named("creditcard")
    frame = Dataset.of_history(data / "history", event_type=event_type).frame
    assert (LEARNT + TESTED, True) == (frame.height, frame["event_time"].is_sorted())
    learnt, tested = frame[:LEARNT], frame[LEARNT:]
    names = tuple(event_type.features)
    best, tried = chosen(learnt, names, CANDIDATES)
    scores = fitted(learnt, names, CANDIDATES[best]).probabilities(tested, names).astype(np.float64)
    fraud = tested["is_fraud"].to_numpy()
    ranking = Ranking.of(fraud, scores)
    curve, between = ranking.curve(), intervals(ranking, None)
    unusual = Ranking.of(fraud, isolating(learnt, names, seed=1).scores(tested, names)).curve()
    return {
        **{name: round(figure(curve), 4) for name, figure in FIGURES.items()},
        **{f"{name}_low": round(between[name][0], 4) for name in FIGURES},
        **{f"{name}_high": round(between[name][1], 4) for name in FIGURES},
        "anomaly_auc": round(unusual.auc(), 4),
        "anomaly_average_precision": round(unusual.average_precision(), 4),
        "frauds_tested": int(fraud.sum()),
        "chosen": best,
        "auc_of_folds": {name: [round(each, 4) for each in folds] for name, folds in tried.items()},
    }


def chosen(
    payments: pl.DataFrame, names: tuple[str, ...], candidates: Mapping[str, TrainingOptions]
) -> tuple[str, dict[str, list[float]]]:
    """Return the way with the highest mean AUC, and the AUC of each fold of each."""
    tried = {
        name: [Ranking.of(*each).curve().auc() for each in judged_folds(payments, names, options, FOLDS)]
        for name, options in candidates.items()
    }
    return max(tried, key=lambda name: float(np.mean(tried[name]))), tried


def world(event_type: str, cards: int, payments: int, days: int, data: Path) -> dict[str, Any]:
    """Generate a world, train as the command does, with an anomaly model beside the classifier; return the figures of the later 30 %."""
    size = ["--cards", str(cards), "--payments", str(payments), "--days", str(days)]
    run(event_type, data, "generate", *size)
    return trained(event_type, data)


def trained(event_type: str, data: Path) -> dict[str, Any]:
    """Train as the command does, with an anomaly model beside the classifier; return the figures of the later 30 %."""
    manifest: dict[str, Any] = run(
        event_type, data, "train", "--activate", "always", "--anomaly", "beside", "--json"
    )
    metrics = manifest["metrics"]
    return {
        "auc": round(metrics["auc"], 4),
        "average_precision": round(metrics["average_precision"], 4),
        "recall_at_1_per_1000": round(metrics["recall_at_1_per_1000"], 4),
        "anomaly_auc": round(manifest["anomaly"]["metrics"]["auc"], 4),
        "anomaly_average_precision": round(manifest["anomaly"]["metrics"]["average_precision"], 4),
        "frauds_tested": manifest["test"]["fraud"],
    }


def sparkov(payments: int, days: int, data: Path) -> dict[str, Any]:
    """Generate a world, write it as Kaggle's file is, and go on from that file as its owner would: etl, import, train; return the
    figures of the later 30 %, and without what is learnt of variables.
    """
    made, raw, files = data / "made", data / "fraudTrain.csv", data / "files"
    size = ("--cards", "1000", "--payments", str(payments), "--days", str(days))
    run("sparkov", made, "generate", *size)
    written = as_kaggle_has_it(made / "history", raw)
    run("sparkov", data, "etl", str(raw), "--out", str(files), "--json")
    run("sparkov", data, "history", "import", *(str(files / f"{part}.parquet") for part in ("train", "test")))
    numbers_only = [
        word for name in event_type_named("sparkov").treatments for word in ("--treat", f"{name}=none")
    ]
    of_numbers = run("sparkov", data, "train", "--activate", "never", *numbers_only, "--json")
    return {
        **trained("sparkov", data),
        "auc_of_numbers": round(of_numbers["metrics"]["auc"], 4),
        "average_precision_of_numbers": round(of_numbers["metrics"]["average_precision"], 4),
        "rows": written,
    }


def as_kaggle_has_it(history: Path, file: Path) -> int:
    """Write a history of sparkov's as one CSV with the names and the order of fraudTrain.csv; return the number of rows."""
    days = pl.scan_parquet(sorted(history.glob("date=*/*.parquet")), hive_partitioning=False).collect()
    names = [
        *("trans_date_trans_time", "cc_num", "merchant", "category", "amt", "first", "last", "gender"),
        *("street", "city", "state", "zip", "lat", "long", "city_pop", "job", "dob", "trans_num"),
        *("unix_time", "merch_lat", "merch_long", "is_fraud"),
    ]
    rows = days.with_columns(
        pl.from_epoch("event_time", "ms").dt.strftime("%Y-%m-%d %H:%M:%S").alias("trans_date_trans_time"),
        pl.col("amount").alias("amt"),
        pl.col("tid").alias("trans_num"),
        pl.col("is_fraud").cast(pl.Int8),
    )
    with file.open("wb") as opened:
        opened.write(f",{','.join(names)}\n".encode())  # the index has no name
        rows.select(names).with_row_index("row").write_csv(opened, include_header=False)
    return days.height


def stories(data: Path) -> dict[str, Any]:
    """Return the share of acceptance stories that the model decides right from the first payment to the last."""
    run("card", data, "aggregate", "--json")
    told = run("card", data, "acceptance", "--stories", str(STORIES), "--json")
    return {"story_pass": told[0]["pass_rate"]}


def run(event_type: str, data: Path, *command: str) -> Any:
    """Run one of our commands on a data directory; return the JSON on its last line, None if it is none."""
    environment = {"FRAUDSTREAM_DATA_DIR": str(data), "FRAUDSTREAM_EVENT_TYPE": event_type}
    done = subprocess.run(
        [*FRAUDSTREAM, *command],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)} failed: {done.stderr.strip()[-800:]}")
    last = (done.stdout.strip().splitlines() or [""])[-1]
    return json.loads(last) if last.startswith(("{", "[")) else None


def show(found: dict[str, dict[str, Any]]) -> None:
    """Print the figures, and the published ones beside those of creditcard.csv."""
    table = Table("data", "figure", "value", "95 % interval")
    flat = {
        (f"{part}: {name}" if isinstance(value, dict) else part): (
            value if isinstance(value, dict) else figures
        )
        for part, figures in found.items()
        for name, value in figures.items()
        if name != "auc_of_folds"
    }
    for part, figures in flat.items():
        for name, value in figures.items():
            if not name.endswith(("_low", "_high")) and isinstance(value, float):
                between = [figures.get(f"{name}_{side}") for side in ("low", "high")]
                table.add_row(
                    part, name, f"{value:.4f}", " to ".join(f"{each:.4f}" for each in between if each)
                )
    if "ccfraud" in found:
        for who, published in PUBLISHED.items():
            for name, values in published.items():
                table.add_row("ccfraud", f"{name}, {who}", " to ".join(map(str, values)), "")
    Console(width=None if sys.stdout.isatty() else 140).print(table)


if __name__ == "__main__":
    main()
