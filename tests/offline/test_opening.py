"""Histories of other people's tools: other types, the same payments; or one sentence with file and column."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import midnight_ms
from fraudstream.domain.weekly import WEEK_MS
from fraudstream.offline.dataset import Dataset
from fraudstream.offline.engines import by_duckdb, by_spark
from fraudstream.offline.history import dates_of, files_of, read_payments
from fraudstream.traffic.payments import ParquetFiles

DAY = date(2020, 2, 3)
START_MS = midnight_ms(DAY)
COLUMNS = ("event_time", "amount", "is_fraud", "scenario")

OURS = pl.DataFrame(
    {
        "tid": [1, 2, 3, 4],
        "cc_num": [4000001234567899, 4000001234567899, 30000000000004, 4000001234567899],
        "amount": [0.29, 1234.57, 12.0, 8.1],
        "event_time": [START_MS, START_MS + 1_001, START_MS + 2_000, START_MS + 86_399_999],
        "is_fraud": [False, True, None, False],
        "scenario": ["everyday", "chain", "everyday", "everyday"],
        "merchant": ["Corner shop", None, "Station kiosk", "Corner shop"],
        "zip_code": ["10115", "80331", None, "10115"],
    }
)
COL = pl.col
MOMENT = COL("event_time").cast(pl.Datetime("ms"))

FOREIGN: dict[str, list[pl.Expr]] = {
    "µs with a zone": [MOMENT.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")],
    "ms without a zone": [MOMENT],
    "ns, in another zone": [
        MOMENT.cast(pl.Datetime("ns")).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Kolkata")
    ],
    "epoch seconds": [COL("event_time") / 1000],
    "epoch µs": [COL("event_time") * 1000],
    "epoch ns": [COL("event_time") * 1_000_000],
    "ISO 8601": [MOMENT.dt.strftime("%Y-%m-%dT%H:%M:%S%.3f+00:00")],
    "dictionary strings": [MOMENT.dt.strftime("%Y-%m-%d %H:%M:%S%.3f").cast(pl.Categorical)],
    "decimal amounts": [COL("amount").cast(pl.Decimal(38, 2))],
    "amounts as text": [COL("amount").cast(pl.String)],
    "float32 amounts": [COL("amount").cast(pl.Float32)],
    "cards as text": [COL("cc_num").cast(pl.String)],
    "cards as people write them": [COL("cc_num").cast(pl.String).str.replace(r"^(\d{4})(\d{4})", "$1 $2-")],
    "cards as floats": [COL("cc_num").cast(pl.Float64)],
    "cards as decimals": [COL("cc_num").cast(pl.Decimal(38, 0))],
    "cards as categories": [COL("cc_num").cast(pl.String).cast(pl.Categorical)],
    "labels 0 and 1": [COL("is_fraud").cast(pl.Int8)],
    "labels as floats": [COL("is_fraud").cast(pl.Float64)],
    "labels as words": [COL("is_fraud").replace_strict({True: "Yes", False: "no"}, return_dtype=pl.String)],
    "ids as text": [COL("tid").cast(pl.String)],
    "small ids": [COL("tid").cast(pl.UInt8)],
    "zip codes as numbers": [COL("zip_code").cast(pl.Int32)],
}


def day_of(root: Path, frame: pl.DataFrame, name: str = "part-0.parquet", day: date = DAY) -> Path:
    """Write a day of a history."""
    folder = root / f"date={day}"
    folder.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(folder / name)
    return folder / name


@pytest.mark.parametrize("written", FOREIGN.values(), ids=FOREIGN)
def test_foreign_types_are_the_same_payments(written: list[pl.Expr], tmp_path: Path) -> None:
    """For training, for the nightly job and for a replay; cents to the last one."""
    ours, foreign = tmp_path / "ours", tmp_path / "foreign"
    day_of(ours, OURS)
    day_of(foreign, OURS.with_columns(written))

    expected, found = (read_payments(root, COLUMNS, 4) for root in (ours, foreign))
    weeks = [
        sorted(
            (str(card), *rest)
            for card, _, *rest in by_duckdb(files_of(root, DAY, date.max), START_MS + WEEK_MS)
        )
        for root in (ours, foreign)
    ]
    first, second = (
        next(ParquetFiles.of(root, event_type_named("card")).chunks(0)) for root in (ours, foreign)
    )

    assert (
        expected.select(*COLUMNS)
        .with_columns(pl.col("amount").round(2))
        .equals(found.select(*COLUMNS).with_columns(pl.col("amount").round(2)))
    )
    assert [1, 1, 2, 1] == [2 - (code == found["card_code"][0]) for code in found["card_code"]]
    assert expected["partition"].to_list() == found["partition"].to_list()
    assert weeks[0] == weeks[1]
    assert first["event_time"].to_list() == second["event_time"].to_list()
    assert 4 == Dataset.of_history(foreign).frame.height


def test_a_time_may_have_the_names_it_has_in_json_and_csv(tmp_path: Path) -> None:
    """The first that a row has counts, as in the stream."""
    first = START_MS / 1000
    day_of(
        tmp_path,
        OURS.drop("event_time").with_columns(
            trans_ts=pl.Series([first, None, None, first + 5]),
            datetime=pl.Series([None, "2020-02-03T00:00:02Z", "2020-02-03 00:00:03", "2019-01-01"]),
        ),
    )

    assert [START_MS, START_MS + 2000, START_MS + 3000, START_MS + 5000] == read_payments(
        tmp_path, COLUMNS, 4
    )["event_time"].to_list()


def test_days_of_different_types_are_one_history(tmp_path: Path) -> None:
    """Whoever wrote it changed the tool on the second day; a card is the same by number and by text."""
    next_day = OURS.with_columns(
        pl.col("cc_num").cast(pl.String),
        pl.col("event_time") // 1000 + 86_400,
        pl.col("amount").cast(pl.Decimal(12, 2)),
        tid=pl.format("b{}", "tid"),
    )
    day_of(tmp_path, OURS)
    day_of(tmp_path, next_day, day=DAY + timedelta(days=1))
    files = files_of(tmp_path, DAY, date.max)

    weeks = sorted(by_duckdb(files, START_MS + WEEK_MS), key=str)

    assert 2 == read_payments(tmp_path, COLUMNS, 4)["card_code"].n_unique()
    assert [("30000000000004", None, 2, 2400), ("4000001234567899", None, 6, 248592)] == weeks


@pytest.mark.timeout(280)
def test_spark_reads_them_as_duckdb_does(tmp_path: Path) -> None:
    """A day in each foreign type, all in one week's files."""
    for number, written in enumerate(FOREIGN.values()):
        renamed = OURS.with_columns(written).with_columns(
            pl.format("{}-{}", pl.lit(number), pl.col("tid")).alias("tid")
        )
        day_of(tmp_path, renamed, f"part-{number:02}.parquet")
    files = files_of(tmp_path, DAY, date.max)

    by_both = [
        sorted(engine(files, START_MS + WEEK_MS), key=str) for engine in (by_duckdb, by_spark("local[2]"))
    ]

    assert 4 * len(FOREIGN) == sum(payments for _, _, payments, _ in by_both[0])
    assert by_both[0] == by_both[1]


REFUSED: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str]] = {
    "no amount": (lambda ours: ours.drop("amount"), "has no column amount"),
    "no time, no card": (
        lambda ours: ours.drop("cc_num", "event_time"),
        r"no column cc_num \(or card\) and no event_time",
    ),
    "days without a time": (
        lambda ours: ours.with_columns(event_time=pl.lit(DAY)),
        "the column event_time is stored as Date, which does not hold times",
    ),
    "lists": (
        lambda ours: ours.with_columns(amount=pl.concat_list("amount")),
        "the column amount is stored as List",
    ),
    "words": (
        lambda ours: ours.with_columns(amount=pl.Series(["1", "2", "12,50", "n/a"])),
        r"2 rows, the first is row 3, have values in amount that are not amounts .*'12,50'",
    ),
    "times nobody can read": (
        lambda ours: ours.with_columns(event_time=pl.Series(["03/02/2020"] * 4)),
        "have values in event_time that are not times.*03/02/2020",
    ),
    "cards without their last digits": (
        lambda ours: ours.with_columns(cc_num=pl.Series([4.000001234567899e18] * 4)),
        "4 rows, the first is row 1, have values in cc_num that are not card numbers",
    ),
    "labels of three kinds": (
        lambda ours: ours.with_columns(is_fraud=pl.Series([0, 1, 2, 0])),
        "1 rows, the first is row 3, have values in is_fraud that are not labels",
    ),
    "no card in a row": (
        lambda ours: ours.with_columns(cc_num=pl.Series([1, None, 3, 4])),
        "the first is row 2, have no card",
    ),
    "not a number in a row": (
        lambda ours: ours.with_columns(amount=pl.Series([1.0, 2.0, None, 4.0])),
        "the first is row 3, have no amount",
    ),
}


@pytest.mark.parametrize(("spoilt", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_payment_is_one_sentence(
    spoilt: Callable[[pl.DataFrame], pl.DataFrame], sentence: str, tmp_path: Path
) -> None:
    """With the file, the column and the row, and no card number; training and nightly job say the same."""
    path = day_of(tmp_path, spoilt(OURS))

    with pytest.raises(SetupError, match=sentence) as told:
        read_payments(tmp_path, COLUMNS, 4)

    assert str(path) in str(told.value)
    assert "4000001234567899" not in str(told.value)
    if "is_fraud" not in sentence:
        with pytest.raises(SetupError, match=sentence):
            by_duckdb([path], START_MS + WEEK_MS)


def test_a_history_without_labels_trains_nothing(tmp_path: Path) -> None:
    """And says which column is missing."""
    day_of(tmp_path, OURS.drop("is_fraud"))

    with pytest.raises(SetupError, match="has a column is_fraud, which training needs"):
        Dataset.of_history(tmp_path)


def test_a_file_that_is_not_parquet_is_named(tmp_path: Path) -> None:
    """For example an incomplete download."""
    path = day_of(tmp_path, OURS)
    path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(SetupError, match=r"part-0\.parquet is not a readable Parquet file"):
        read_payments(tmp_path, COLUMNS, 4)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("payments.parquet", "holds 1 files of payments, but no date=YYYY-MM-DD"),
        ("2020/02/mine.csv", "holds 1 files of payments, but no date=YYYY-MM-DD"),
        ("date=2020-2-3/part-0.parquet", "must be named date=YYYY-MM-DD"),
        ("README.md", "no payments in .*generate"),
    ],
)
def test_another_layout_is_explained(name: str, sentence: str, tmp_path: Path) -> None:
    """The message does not advise to generate payments, because there are some."""
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    OURS.write_parquet(path)

    with pytest.raises(SetupError, match=sentence):
        dates_of(tmp_path)
