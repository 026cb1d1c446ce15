"""Every row is answered in its place, and nothing is done twice, whatever ends the command in between."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.database.engine import opened as database
from fraudstream.adapters.database.jobs import Cancelled, Job, Jobs, State
from fraudstream.commands.predict import _request
from fraudstream.domain.errors import SetupError
from fraudstream.predict.directory import InUse, opened
from fraudstream.predict.request import Request
from fraudstream.predict.run import Predicted, Prediction
from fraudstream.predict.slices import Files
from tests.models import saved
from tests.notebook.test_open import payments, trees

OPTIONS = {
    "event_type": "card",
    "release": None,
    "model": None,
    "weekly": None,
    "style": "fraudstream",
    "columns": (),
    "time_unit": None,
    "time_zone": "UTC",
    "time_format": None,
    "decimal_comma": False,
    "encoding": "utf-8",
    "delimiter": None,
}


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data directory with a model."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path / "data"))
    saved(tmp_path / "data" / "models", trees())
    return tmp_path


def prediction(path: Path, slice_rows: int = 10, **options: object) -> Prediction:
    """Return the prediction of a file in small slices."""
    return request(path, slice_rows, **options).prediction()


def request(path: Path, slice_rows: int = 10, **options: object) -> Request:
    """Return what is asked for it."""
    return _request([path], slice_rows=slice_rows, **OPTIONS | options)  # type: ignore[arg-type]


def run(made: Prediction, out: Path, die_after: int | None = None) -> Predicted:
    """Run it; the process kills itself after so many slices."""
    calls: list[int] = []

    def advance(rows: int) -> None:
        calls.append(rows)
        if len(calls) - 1 == die_after:
            os.kill(os.getpid(), signal.SIGKILL)

    with opened(out, {"files": str(made.files.paths)}, force=False, restart=False) as directory:
        return made.run(directory, jobs_in(out), "a file", advance)


def jobs_in(out: Path) -> Jobs:
    """Return the jobs of a test."""
    return Jobs(database(f"sqlite:///{out.parent / 'jobs.db'}"))


def only_job(out: Path) -> Job:
    """Return the only job of a test."""
    (job,) = jobs_in(out).all()
    return job


def lines_of(path: Path) -> list[str]:
    """Return the lines of a file."""
    return path.read_text().splitlines()


def test_every_row_is_in_the_output_in_its_place_as_it_was(data: Path) -> None:
    """Rows that are no events have the reason instead of a decision, and nothing of any cell is changed."""
    path = data / "in.csv"
    payments(25).write_csv(path)
    lines = lines_of(path)
    lines[3] = lines[3].replace("30.0", "lots")
    lines[8:8] = ["only,two", 't99,4006080197832643,1, 1772409600000 ," a ""b"", c"', "1,2,3,4,5,6,7"]
    path.write_text("\n".join(lines) + "\n\n")

    done = run(prediction(path), data / "out.csv")
    given = pl.read_csv(path, infer_schema=False, truncate_ragged_lines=True).head(28)
    made = pl.read_csv(data / "out.csv", infer_schema=False)

    assert (28, 3) == (done.rows, done.refused)
    assert given.equals(made.select(given.columns))
    refused = made.with_row_index().filter(pl.col("status") == "refused")
    assert [2, 7, 9] == refused["index"].to_list()
    assert ["invalid-amount", "columns", "columns"] == [why.partition(":")[0] for why in refused["refused"]]
    assert made.filter(pl.col("status") == "decided")["score"].null_count() == 0
    assert "columns: the row has 2 columns, the header 5" == refused["refused"][1]


def test_parquet_keeps_its_types_and_has_the_same_decisions_as_csv(data: Path) -> None:
    """Lists are lists; in CSV they are JSON."""
    payments(25).write_parquet(data / "in.parquet")
    payments(25).write_csv(data / "in.csv")
    run(prediction(data / "in.parquet"), data / "out.parquet")
    run(prediction(data / "in.csv"), data / "out.csv")
    one, other = pl.read_parquet(data / "out.parquet"), pl.read_csv(data / "out.csv")

    assert payments(25).schema == one.select(payments(0).columns).schema
    assert one["probability"].to_list() == other["probability"].to_list()
    assert one["rules"].to_list() == [json.loads(each) for each in other["rules"]]
    assert "card-1.0" == one["model_version"].unique().item()


@pytest.mark.parametrize("slices", [1, 3])
def test_a_killed_prediction_goes_on_and_makes_the_same_file(data: Path, slices: int) -> None:
    """By SIGKILL; what was finished is not decided again, and windows reach back into it."""
    payments(45).write_csv(data / "in.csv")
    code = (
        "import sys; from pathlib import Path; from tests.predict.test_prediction import prediction, run; "
        f"run(prediction(Path(sys.argv[1])), Path(sys.argv[2]), {slices})"
    )
    arguments = [sys.executable, "-c", code, str(data / "in.csv"), str(data / "out.csv")]

    killed = subprocess.run(arguments, check=False, cwd=Path(__file__).parents[2])
    there, job = (data / "out.csv").exists(), only_job(data / "out.csv")
    done = run(prediction(data / "in.csv"), data / "out.csv")
    (data / "whole").mkdir()
    run(prediction(data / "in.csv"), data / "whole" / "out.csv")

    assert (-signal.SIGKILL, False) == (killed.returncode, there)
    assert (State.RUNNING, slices * 10) == (job.state, job.progress)
    assert (45, slices * 10) == (done.rows, done.taken_over)
    assert (data / "whole" / "out.csv").read_bytes() == (data / "out.csv").read_bytes()
    assert [] == list(data.glob(".out.csv*"))
    assert (State.DONE, 45, job.id) == (
        only_job(data / "out.csv").state,
        only_job(data / "out.csv").progress,
        done.job,
    )


def test_a_slice_counts_as_finished_only_when_all_of_it_is_there(data: Path) -> None:
    """Killed between two files of a slice, it is done again."""
    payments(30).write_csv(data / "in.csv")
    made = prediction(data / "in.csv")
    with (
        pytest.raises(KeyboardInterrupt),
        opened(data / "out.csv", {"a": 1}, force=False, restart=False) as directory,
    ):
        made.run(directory, jobs_in(data / "out.csv"), "a file", stopping_after(2))
    (data / ".out.csv.predict" / "000001.json").unlink()

    with opened(data / "out.csv", {"a": 1}, force=False, restart=False) as directory:
        done = prediction(data / "in.csv").run(directory, jobs_in(data / "out.csv"), "", lambda rows: None)

    assert (30, 10) == (done.rows, done.taken_over)
    assert 31 == len(lines_of(data / "out.csv"))


def stopping_after(slices: int) -> Callable[[int], None]:
    """Return a callback that stops as Ctrl-C does."""
    calls: list[int] = []

    def advance(rows: int) -> None:
        calls.append(rows)
        if len(calls) - 1 == slices:
            raise KeyboardInterrupt

    return advance


def test_a_cancelled_prediction_ends_before_its_next_slice(data: Path) -> None:
    """And goes on when it is started again."""
    payments(30).write_csv(data / "in.csv")
    out, jobs = data / "out.csv", jobs_in(data / "out.csv")

    def cancel(rows: int) -> None:
        if rows:
            jobs.cancel(only_job(out).id)

    with (
        pytest.raises(Cancelled),
        opened(out, {"a": 1}, force=False, restart=False) as directory,
    ):
        prediction(data / "in.csv").run(directory, jobs, "a file", cancel)
    cancelled = only_job(out)
    with opened(out, {"a": 1}, force=False, restart=False) as directory:
        done = prediction(data / "in.csv").run(directory, jobs, "a file", lambda rows: None)

    assert (State.CANCELLED, "cancelled after 20 rows") == (cancelled.state, cancelled.message)
    assert (30, 20) == (done.rows, done.taken_over)


def test_another_prediction_of_the_same_file_is_refused_until_it_is_begun_anew(data: Path) -> None:
    """Its finished slices would not fit; and two processes never make one file."""
    out = data / "out.csv"
    with (
        opened(out, {"model": "1.0"}, force=False, restart=False) as first,
        pytest.raises(InUse, match="another process makes"),
        opened(out, {"model": "1.0"}, force=False, restart=False),
    ):
        pass
    with (
        pytest.raises(SetupError, match=r"unfinished job predict-.*, which had other model; finish it"),
        opened(out, {"model": "2.0"}, force=False, restart=False),
    ):
        pass
    with opened(out, {"model": "2.0"}, force=False, restart=True) as again:
        assert first.job != again.job
    out.write_text("there")
    with (
        pytest.raises(SetupError, match="is there already"),
        opened(out, {"model": "2.0"}, force=False, restart=False),
    ):
        pass


def test_the_columns_of_amazon_fraud_detector_are_written_as_it_writes_them(data: Path) -> None:
    """Scores as a Python literal, results by rule as JSON, times with milliseconds."""
    given = payments(6).with_columns(pl.from_epoch("event_time", "ms").dt.strftime("%Y-%m-%dT%H:%M:%SZ"))
    names = {"event_time": "EVENT_TIMESTAMP", "cc_num": "ENTITY_ID", "tid": "EVENT_ID"}
    given.rename(names).with_columns(
        amount=pl.when(pl.col("EVENT_ID") == "t1").then(None).otherwise(pl.col("amount"))
    ).write_csv(data / "in.csv")

    run(prediction(data / "in.csv", style="fraud-detector"), data / "out.csv")
    made = pl.read_csv(data / "out.csv", infer_schema=False)

    assert ["MODEL_SCORES", "OUTCOMES", "RULE_RESULTS", "STATUS"] == made.columns[-4:]
    assert ("{'card': 182.0}", "approve", "{}", "Success") == made.row(0)[-4:]
    assert "2026-03-02T00:00:00.000Z" == made["EVENT_TIMESTAMP"][0]
    assert "Error: no-amount: amount is empty" == made["STATUS"][1]
    assert {"likely-fraud": ["review"]} == json.loads(made["RULE_RESULTS"][5])


def test_a_file_without_rows_gives_a_file_without_rows(data: Path) -> None:
    """With all columns."""
    payments(0).write_csv(data / "in.csv")
    payments(0).write_parquet(data / "in.parquet")

    assert 0 == run(prediction(data / "in.csv"), data / "out.csv").rows
    assert 0 == run(prediction(data / "in.parquet"), data / "out.parquet").rows
    assert pl.read_csv(data / "out.csv").columns == pl.read_parquet(data / "out.parquet").columns


def test_columns_that_would_be_written_twice_and_files_that_differ_are_refused(data: Path) -> None:
    """Before anything is done."""
    payments(2).with_columns(score=1).write_csv(data / "in.csv")
    payments(2).write_csv(data / "other.csv")

    with pytest.raises(SetupError, match="the file has a column score, which the prediction would add"):
        prediction(data / "in.csv")
    with pytest.raises(SetupError, match=r"other.csv has not the columns of .*in.csv: score"):
        Files([data / "in.csv", data / "other.csv"])
