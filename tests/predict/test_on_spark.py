"""A real Spark decides files as one process does: every byte of the output, whichever of them goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.models.training import training
from fraudstream.adapters.spark import Spark, spark_session
from fraudstream.cli import cli
from fraudstream.domain.registry.manifest import MODEL_FILE
from fraudstream.predict.directory import opened
from fraudstream.predict.on_spark import OnSpark
from fraudstream.predict.request import Request
from fraudstream.predict.run import Engine, Predicted, in_this_process
from tests.models import saved
from tests.notebook.test_open import payments, trees
from tests.predict.test_prediction import jobs_in, lines_of, only_job, request, stopping_after
from tests.real_files import CREDITCARD

pytestmark = pytest.mark.timeout(280)


@pytest.fixture(scope="module")
def spark() -> Iterator[Spark]:
    """Yield this machine's Spark."""
    with spark_session("local[2]", "test") as session:
        yield session


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a data directory with a model."""
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path / "data"))
    saved(tmp_path / "data" / "models", trees())
    return tmp_path


def run(asked: Request, out: Path, engine: Engine, stop_after: int | None = None) -> Predicted:
    """Make a file."""
    out.parent.mkdir(exist_ok=True)
    advance = (lambda rows: None) if stop_after is None else stopping_after(stop_after)
    with opened(out, {"files": "the same"}, force=False, restart=False) as directory:
        return asked.prediction().run(directory, jobs_in(out), "a file", advance, engine)


def damaged(path: Path) -> Path:
    """Write payments of two cards with rows that are none, empty lines, a cell of two lines, and bytes that are no text."""
    payments(60).write_csv(path)
    lines = lines_of(path)
    lines[3] = lines[3].replace("30.0", "lots")
    lines[8:8] = [
        "only,two",
        't99,4006080197832643,1, 1772409600000 ,"a ""b"",\nc"',
        "1,2,3,4,5,6,7",
        "",
        "\r",
    ]
    lines[40:40] = [lines[20], lines[21].replace("0.0,", "0.5,"), "x,4006080197832643,1,1772409600000,Z%rich"]
    path.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode().replace(b"Z%rich", b"Z\xfcrich") + b"\n\n")
    return path


def test_spark_makes_the_same_bytes_of_a_damaged_csv_file(data: Path, spark: Spark) -> None:
    """Windows reach from slice to slice; repeated and contradicted payments, and rows that are none, have the same answers."""
    asked = request(damaged(data / "in.csv"), slice_rows=17)

    here = run(asked, data / "here" / "out.csv", in_this_process)
    there = run(asked, data / "there" / "out.csv", OnSpark(spark, asked))

    assert (66, 5) == (here.rows, here.refused)
    assert (here.rows, here.outcomes, here.reasons) == (there.rows, there.outcomes, there.reasons)
    assert (data / "here" / "out.csv").read_bytes() == (data / "there" / "out.csv").read_bytes()
    assert "done" == only_job(data / "there" / "out.csv").state


def test_slices_that_one_engine_has_finished_are_not_decided_again_by_the_other(
    data: Path, spark: Spark
) -> None:
    """Begun here, gone on with by Spark, which stops, too, and ended here; what is known of a card goes from one to the other."""
    payments(60).write_parquet(data / "in.parquet")
    asked, out = request(data / "in.parquet", slice_rows=10), data / "out" / "out.parquet"
    run(asked, data / "whole" / "out.parquet", in_this_process)

    for engine, slices in ((in_this_process, 1), (OnSpark(spark, asked), 2)):
        with pytest.raises(KeyboardInterrupt):
            run(asked, out, engine, stop_after=slices)
    done = run(asked, out, in_this_process)

    assert (60, 30, only_job(out).id) == (done.rows, done.taken_over, done.job)
    assert (data / "whole" / "out.parquet").read_bytes() == out.read_bytes()


def test_events_without_an_entity_are_decided_slice_by_slice(data: Path, spark: Spark) -> None:
    """By the command, with the model of another event type; nothing is known of one event when the next comes."""
    registry = Registry.at(data / "data" / "models", "creditcard")
    with training(registry) as made:
        manifest = {"features": ["amount", "V1"], "threshold": 0.25}
        made.save(manifest, {MODEL_FILE: trees(["amount", "V1"])})
    registry.activate(made.version, "for a test")
    path = data / "creditcard.csv"
    path.write_text(CREDITCARD)

    for engine in ("local", "spark"):
        arguments = ("predict", path, "--event-type", "creditcard", "--out", data / f"{engine}.csv")
        done = CliRunner().invoke(cli, [*map(str, arguments), "--engine", engine])
        assert 0 == done.exit_code, done.output

    assert (data / "local.csv").read_bytes() == (data / "spark.csv").read_bytes()


def test_what_goes_wrong_in_a_task_is_said_as_without_spark(data: Path, spark: Spark) -> None:
    """A sentence and a code, and not Java's."""
    path = data / "in.csv"
    path.write_text(payments(3).write_csv() + 't9,4006080197832643,1,1772409600000,"never closed\n1,2\n')
    arguments = ("predict", path, "--out", data / "out.csv", "--engine", "spark")

    done = CliRunner().invoke(cli, list(map(str, arguments)))

    assert f"line 5 of {path} opens a quote that is not closed by line 6; correct line 5" in str(
        done.exception
    )
