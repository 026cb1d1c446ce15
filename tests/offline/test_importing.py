"""Other people's files become a history: whole or not at all."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner, Result

from fraudstream.cli import cli
from fraudstream.domain.errors import SetupError
from fraudstream.offline import import_files, importing
from fraudstream.offline.history import dates_of, read_payments
from fraudstream.offline.importing import check, import_history
from fraudstream.world.generate import generate
from fraudstream.world.world import World
from tests.models import load_model
from tests.offline.importing_of import GOOD, HEADER, csv_of, import_request, imported, rows_in


def test_a_foreign_csv_becomes_a_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other names, local times, other words for fraud; after it the commands that need a history work."""
    generate(World(seed=1, cards=300, days=28, payments=33_000), tmp_path / "simulated")
    ours = rows_in(tmp_path / "simulated")
    local = pl.from_epoch("event_time", "ms").dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kolkata")
    ours.select(
        pl.col("tid").alias("TransactionId"),
        pl.col("cc_num").cast(pl.String).str.replace(r"^(\d{4})", "$1-").alias("PAN"),
        pl.col("amount").alias("Amount"),
        local.dt.strftime("%d/%m/%Y %H:%M:%S%.3f").alias("booked"),
        pl.when("is_fraud").then(pl.lit("chargeback")).otherwise(pl.lit("ok")).alias("verdict"),
        pl.lit("x").alias("branch"),
    ).sample(fraction=1.0, shuffle=True, seed=1).write_csv(tmp_path / "mine.csv")
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path / "data"))

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
        assert 0 == result.exit_code, result.output
        return result

    said = run(
        *(
            "history",
            "import",
            str(tmp_path / "mine.csv"),
            "--column",
            "event_time=booked",
            "--label",
            "verdict",
        ),
        *(
            "--fraud-value",
            "chargeback",
            "--time-format",
            "%d/%m/%Y %H:%M:%S%.3f",
            "--time-zone",
            "Asia/Kolkata",
        ),
    )
    run("aggregate")
    run("train", "--json")

    assert "PAN is used as cc_num" in said.stderr
    assert "left out: branch" in said.stderr
    assert f"imported {ours.height:,} payments" in said.stdout
    columns = ["cc_num", "amount", "event_time", "is_fraud"]
    assert ours.select(columns).equals(rows_in(tmp_path / "data/history").select(columns))
    assert "card-1.0" == load_model(tmp_path / "data/models").version


def test_rows_of_csv_parquet_and_ndjson_are_the_same_payments(tmp_path: Path) -> None:
    """What is stored as text here and as a number there is one card, one amount, one moment."""
    frame = pl.DataFrame(
        {
            "card_number": [4000000000000002, 4000000000000010],
            "amt": [12.5, 3.0],
            "ts": [1_580_000_000_250, 1_580_000_001_000],
            "fraud": [False, None],
            "merchant": ["Bridge, Castle & Co", None],
        }
    )
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "b.parquet")
    frame.write_ndjson(tmp_path / "c.ndjson")

    histories = []
    for name in ("a.csv", "b.parquet", "c.ndjson"):
        import_history(import_request(tmp_path / name), tmp_path / f"{name}-history")
        histories.append(rows_in(tmp_path / f"{name}-history"))

    expected = [
        (4000000000000002, 12.5, 1_580_000_000_250, "Bridge, Castle & Co", False),
        (4000000000000010, 3.0, 1_580_000_001_000, None, None),
    ]
    assert [expected] * 3 == [history.rows() for history in histories]


def test_the_history_is_what_training_reads(tmp_path: Path) -> None:
    """A day a folder, rows in order of time whatever the order in the file; no column that nobody has."""
    frame = imported(
        tmp_path,
        HEADER,
        "4000000000000010,1,2020-01-28T10:00:00Z,1",
        "4000000000000002,2,2020-01-26T10:00:00Z,0",
        "4000000000000002,3,2020-01-26T09:00:00Z,",
        "4000000000000002,4,2020-01-26T09:00:00Z,0",
    )

    assert ["cc_num", "amount", "event_time", "is_fraud"] == frame.columns
    assert [3.0, 4.0, 2.0, 1.0] == frame["amount"].to_list()
    assert ["2020-01-26", "2020-01-28"] == [str(day) for day in dates_of(tmp_path / "history")]
    assert [3.0, 4.0, 2.0, 1.0] == read_payments(tmp_path / "history", ("amount",), 4)["amount"].to_list()


def test_several_files_are_one_history_each_with_its_own_names(tmp_path: Path) -> None:
    """What one file does not have is empty in its rows."""
    one = csv_of(tmp_path, HEADER, GOOD)
    other = csv_of(
        tmp_path, "cc_num,amount,datetime,shop", "4000000000000010,1,2020-01-26,Kiosk", name="other.csv"
    )

    done = import_history(import_request(one, other), tmp_path / "history")

    assert 2 == done.payments
    assert [1.0, 12.5] == rows_in(tmp_path / "history")["amount"].to_list()
    assert [None, False] == rows_in(tmp_path / "history")["is_fraud"].to_list()
    assert {"cc_num": "card_number", "amount": "amt", "event_time": "ts", "is_fraud": "fraud"} == json.loads(
        (tmp_path / "history" / importing.FACTS).read_text()
    )["columns"][str(one)]


def test_bad_rows_that_nobody_allowed_import_nothing(tmp_path: Path) -> None:
    """The list is there all the same, and the sentence says how to go on."""
    given = import_request(
        csv_of(tmp_path, HEADER, GOOD, "x,1,2020-01-26,0", "y,1,2020-01-26,0"), bad_rows_max=1
    )

    with pytest.raises(SetupError, match=r"2 rows are not payments .* leave them out with --bad-rows-max 2"):
        import_history(given, tmp_path / "history")

    assert ["mine.bad.csv", "mine.csv"] == sorted(path.name for path in tmp_path.iterdir())
    import_history(replace(given, bad_rows_max=2), tmp_path / "history")
    assert 1 == rows_in(tmp_path / "history").height


def test_the_list_of_bad_rows_never_shows_a_card_number(tmp_path: Path) -> None:
    """Also of a row with too many cells, of which nobody knows which one is the card."""
    given = import_request(csv_of(tmp_path, HEADER, GOOD, f"{GOOD},one,more"), bad_rows_max=1)

    import_history(given, tmp_path / "history")
    header, row = given.bad_rows_file.read_text().splitlines()

    assert "file,line,reason,detail,column,value" == header
    assert GOOD.partition(",")[0] not in row
    assert ",columns,the row has 6 columns, the header 4,," in row.replace(chr(34), "")


def test_a_file_that_is_bad_throughout_is_given_up_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong column should not list fifty million rows."""
    monkeypatch.setattr(import_files, "BATCH_ROWS", 2)
    monkeypatch.setattr(importing, "BAD_LISTED_MAX", 3)
    given = import_request(csv_of(tmp_path, HEADER, *["x,1,2020-01-26,0"] * 20))

    with pytest.raises(SetupError, match=r"more than 3 rows are not payments.* are the columns right"):
        check(given)

    assert 5 == len(given.bad_rows_file.read_text().splitlines())


def test_the_list_of_an_earlier_import_is_gone_when_nothing_is_bad(tmp_path: Path) -> None:
    """It would seem to belong to this one."""
    given = import_request(csv_of(tmp_path, HEADER, GOOD))
    given.bad_rows_file.write_text("file,line,reason,detail\n")

    check(given)

    assert not given.bad_rows_file.exists()


def refused(directory: Path) -> None:
    """Leave payments where the history is to be."""
    (directory / "history").mkdir()
    (directory / "history" / "theirs.parquet").touch()


def test_what_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    """And then the whole of it."""
    refused(tmp_path)
    given = import_request(csv_of(tmp_path, HEADER, GOOD))

    with pytest.raises(SetupError, match="already holds payments; choose another directory with --to"):
        import_history(given, tmp_path / "history")
    assert ["theirs.parquet"] == [path.name for path in (tmp_path / "history").iterdir()]

    import_history(given, tmp_path / "history", force=True)
    assert ["date=2020-01-26", importing.FACTS] == sorted(
        path.name for path in (tmp_path / "history").iterdir()
    )


BREAKS: dict[str, Callable[[Path], Path]] = {
    "a quote that hides rows": lambda root: csv_of(
        root, HEADER, GOOD, GOOD + '"', '"', GOOD, GOOD, name="b.csv"
    ),
    "no Parquet": lambda root: csv_of(root, "x", name="b.parquet"),
    "another kind of file": lambda root: csv_of(root, "x", name="b.xlsx"),
}


@pytest.mark.parametrize("broken", BREAKS.values(), ids=BREAKS)
def test_an_import_that_fails_leaves_what_was_there(broken: Callable[[Path], Path], tmp_path: Path) -> None:
    """Also when the first file was fine: nothing half-written, no draft."""
    import_history(import_request(csv_of(tmp_path, HEADER, GOOD)), tmp_path / "history")
    before = sorted(tmp_path.rglob("*"))
    file = broken(tmp_path)

    with pytest.raises(SetupError):
        import_history(import_request(tmp_path / "mine.csv", file), tmp_path / "history", force=True)

    assert sorted([*before, file]) == sorted(tmp_path.rglob("*"))


def test_a_dry_run_says_the_same_and_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does it mind what is there."""
    refused(tmp_path)
    path = csv_of(tmp_path, HEADER, GOOD)
    monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(tmp_path))

    told = CliRunner().invoke(
        cli, ["history", "import", str(path), "--dry-run", "--json"], catch_exceptions=False
    )

    assert 0 == told.exit_code
    facts = json.loads(told.stdout)
    assert (1, 0, False) == (facts["payments"], facts["fraud"], facts["written"])
    assert ["history", "mine.csv"] == sorted(path.name for path in tmp_path.iterdir())
    assert "card_number is used as cc_num" in told.stderr


def test_nothing_imported_is_no_history(tmp_path: Path) -> None:
    """A file with a header only."""
    with pytest.raises(SetupError, match="there are no payments in"):
        imported(tmp_path, HEADER)
