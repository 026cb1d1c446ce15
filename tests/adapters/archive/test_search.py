"""The archive as a place to look things up."""

import sys
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from multidict import MultiDict

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.filters import Filter, FilterError
from fraudstream.adapters.archive.lake import Covered, Lake, LakeFile, Stream
from fraudstream.adapters.archive.search import ArchiveQuery, Position, find, find_by_day
from fraudstream.web.params import archive_search
from tests.archive_rows import DAY_MS, MONDAY_MS, archived, encoded

STREAM = Stream("decisions", 2)
FIFTH_MS = DAY_MS // 5


@pytest.fixture
async def lake(tmp_path: Path) -> Lake:
    """Return an archive of ten payments over two days, one of them decided twice by a worker that was killed."""
    lake = Lake(LocalObjects(tmp_path))
    values = [
        paid(n, MONDAY_MS + FIFTH_MS * n, reasons=["amount 3.0 times the usual"] if n % 2 else [])
        for n in [*range(10), 4]
    ]
    await lake.write(STREAM, archived(values, list(range(11))), {})
    return lake


def paid(number: int, at_ms: int, **changed: Any) -> bytes:
    """Return the decision on a payment, made at once."""
    return encoded(number, **{"event_time": at_ms, "decided_at": at_ms + 7, **changed})


async def ids(lake: Lake, *filters: str, **query: Any) -> list[str]:
    """Return what is found."""
    written = tuple(Filter.written(text) for text in filters)
    return [row["transaction_id"] for row in await find(lake, ArchiveQuery(filters=written, **query))]


async def test_by_id_a_payment_is_found_once(lake: Lake) -> None:
    """Though it was decided twice."""
    assert ["p4"] == await ids(lake, transaction_id="p4")
    assert [] == await ids(lake, transaction_id="p99")


async def test_by_card_newest_first(lake: Lake) -> None:
    """Over all days."""
    assert ["p7", "p2"] == await ids(lake, card=f"{2:032x}")


async def test_by_time_the_end_is_not_included(lake: Lake) -> None:
    """Only days that may hold some are read."""
    since, until = MONDAY_MS + FIFTH_MS * 3, MONDAY_MS + FIFTH_MS * 6

    assert ["p5", "p4", "p3"] == await ids(lake, since_ms=since, until_ms=until)


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["zip_code=10115"], "9876543210"),
        (["amount=7.5"], "6"),
        (["amount>8.5"], "98"),
        (["amount >= 8.5"], "987"),
        (["amount<2.5"], "0"),
        (["amount<=2.5"], "10"),
        (["amount!=1.5", "amount<3.5"], "1"),
        (["amount>3", "amount<7", "reasons~USUAL"], "53"),
        (["reasons=amount 3.0 times the usual", "amount<4"], "1"),
        (["reasons!=amount 3.0 times the usual", "amount<4"], "20"),
        (["merchant~corn"], "9876543210"),
        (["merchant=Corner"], ""),
        (["merchant!=Corner shop"], ""),
        (["fraud=false", "num_trans_last_10m>=1", "amount>10"], "9"),
        (["fraud=true"], ""),
    ],
)
async def test_all_filters_must_match(lake: Lake, filters: list[str], found: str) -> None:
    """Numbers are compared; texts, lists and truth are equal or not, or contain."""
    assert [f"p{number}" for number in found] == await ids(lake, *filters)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("amount", "write a filter as"),
        ("=5", "write a filter as"),
        ("amount>", "write a filter as"),
        ("amount=much", "amount is a number"),
        ("amount=nan", "amount is a number"),
        ("amount~5", "amount is a number"),
        ("merchant>Corner", "merchant is not a number"),
        ("fraud=maybe", "fraud is true or false"),
        ("nocol=1", "there is no column nocol in the archive of 2020-02-04$"),
        ("amuont>1", "did you mean amount?"),
        ("4006080197832643=1", r"there is no column \*\*\* in"),
    ],
)
async def test_an_invalid_filter_is_refused_with_the_reason(lake: Lake, text: str, sentence: str) -> None:
    """Instead of finding nothing; what it was compared with is not repeated."""
    with pytest.raises(FilterError, match=sentence) as caught:
        await ids(lake, text)

    assert not {"much", "maybe", "4006080197832643"} & set(str(caught.value).split())


async def test_a_filter_may_name_a_column_that_only_some_files_have(lake: Lake) -> None:
    """A new feature is in the newer files."""
    newer = archived([paid(11, MONDAY_MS + DAY_MS, features={"amt_change": 0.5})], [11])
    await lake.write(STREAM, newer, {})

    assert ["p11"] == await ids(lake, "amt_change>0.1")


async def test_any_filter_is_accepted_on_an_empty_archive(tmp_path: Path) -> None:
    """No file, no columns."""
    assert [] == await ids(Lake(LocalObjects(tmp_path)), "nocol=1")


async def test_pages_of_an_answer_hold_everything_once(lake: Lake) -> None:
    """Also where many payments have the same millisecond."""
    same = [paid(number, MONDAY_MS + FIFTH_MS * 9) for number in range(20, 30)]
    await lake.write(STREAM, archived(same, list(range(20, 30))), {})
    pages: list[list[str]] = []
    before = None
    while rows := await find(lake, ArchiveQuery(limit=4, before=before)):
        pages.append([row["transaction_id"] for row in rows])
        before = Position.of(rows[-1])

    assert [["p9", "p20", "p21", "p22"], ["p23", "p24", "p25", "p26"]] == pages[:2]
    assert [4, 4, 4, 4, 4] == [len(page) for page in pages]
    assert 20 == len({name for page in pages for name in page})


async def test_events_of_one_record_are_several_payments(lake: Lake) -> None:
    """Beside files without numbers; a page may end between two of them, and its address says where."""
    source = {"topic": "transactions", "partition": 0, "offset": 40}
    same = [
        paid(number, MONDAY_MS, source=source | {"number": number - 39}) for number in (40, 41, 42, 43, 41)
    ]
    await lake.write(STREAM, archived(same, list(range(40, 45))), {})
    until = MONDAY_MS + 1
    (_, second, _, _, _) = await find(lake, ArchiveQuery(until_ms=until))
    before = archive_search(MultiDict(before=Position.of(second).text)).before

    assert ["p0", "p40", "p41", "p42", "p43"] == await ids(lake, until_ms=until)
    assert "40.1-transactions" == Position.of(second).text.split("-", 2)[2]
    assert ["p41", "p42", "p43"] == await ids(lake, until_ms=until, before=before)


class ReadNames(LocalObjects):
    """A directory that remembers what was read."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.read: list[str] = []

    def path(self, name: str) -> Path:
        """Say where a file lies, of which something is read."""
        self.read.append(name)
        return super().path(name)


async def test_the_newest_payments_are_found_without_reading_a_whole_day(tmp_path: Path) -> None:
    """Some more than an hour's files of each partition; a late payment in the newest file is in its place."""
    objects = ReadNames(tmp_path)
    lake = Lake(objects)
    for stream in (Stream("decisions", 0), Stream("decisions", 1)):
        covered: Covered = {}
        for number in range(48):  # every ten minutes from 00:00 to 08:00
            at = MONDAY_MS + 600_000 * number
            place = {"topic": "transactions", "partition": stream.partition, "offset": number}
            late = {"event_time": MONDAY_MS} if number == 47 else {}  # in the newest file
            await lake.write(stream, archived([paid(number, at, source=place, **late)], [number]), covered)

    assert ["p46", "p46", "p45", "p45"] == await ids(lake, limit=4)
    assert 2 * 12 >= len(objects.read)
    objects.read.clear()
    assert ["p3", "p3"] == await ids(lake, "amount=4.5")
    assert 2 * 48 == len(objects.read)


class Compacted(LocalObjects):
    """A directory whose file a compaction replaces after a search has learnt where it lies, once."""

    replaced = False

    def path(self, name: str) -> Path:
        """Say where the file lay."""
        path = super().path(name)
        if not self.replaced:
            self.replaced = True
            file = LakeFile.named(name)
            assert file is not None
            path.rename(path.with_name(replace(file, first=0, last=file.last + 1).name.rpartition("/")[2]))
        return path


async def test_a_file_that_is_replaced_while_it_is_searched_is_looked_for_again(tmp_path: Path) -> None:
    """The whole day is listed anew."""
    await Lake(LocalObjects(tmp_path)).write(STREAM, archived([paid(1, MONDAY_MS)], [1]), {})

    assert ["p1"] == await ids(Lake(Compacted(tmp_path)), "amount=2.5")


async def test_days_come_one_by_one(lake: Lake) -> None:
    """The newest first, so that a search can end between two of them; a day without any is said, too."""
    found = find_by_day(lake, ArchiveQuery(filters=(Filter.written("amount<4"),)))

    assert [("2020-02-04", []), ("2020-02-03", ["p2", "p1", "p0"])] == [
        (str(day), [row["transaction_id"] for row in rows]) async for day, rows in found
    ]


async def test_a_search_leaves_the_event_loop_to_the_payments(lake: Lake) -> None:
    """Polars works in threads only: in the loop's thread nothing of it runs but what builds a question."""
    at_work: set[str] = set()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_globals.get("__name__", "").startswith("polars."):
            at_work.add(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        rows = await find(lake, ArchiveQuery(filters=(Filter.written("amount>3"),)))
    finally:
        sys.setprofile(None)

    assert 8 == len(rows)
    assert set() == at_work
