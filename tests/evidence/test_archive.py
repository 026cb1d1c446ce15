"""The archive is asked what a reviewer wants to know."""

import asyncio
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, LakeFile, Stream
from fraudstream.domain.times import DAY_MS
from fraudstream.evidence import archive
from fraudstream.evidence.archive import Evidence, History, Links, NoAnswer, of_partition
from fraudstream.evidence.questions import Other, Totals
from fraudstream.evidence.small_files import TOGETHER, SmallFiles, files_of
from tests.archive_rows import MONDAY_MS, archived, encoded, rows

CARD = f"{1:032x}"
SHOP = {"merchant": "Corner shop", "zip_code": "10115"}
OTHER_SHOP = {"merchant": "Jeweller's \"best\" '; DROP", "zip_code": "10999"}


def write(directory: Path, *numbers: int, partition: int = 0, step_ms: int = 2000) -> None:
    """Archive payments of the five cards, in a file."""
    lake = Lake(LocalObjects(directory))
    asyncio.run(lake.write(Stream("decisions", partition), rows(*numbers, step_ms=step_ms), {}))


def evidence(directory: Path) -> Evidence:
    """Return what asks an archive in a directory."""

    async def find_files(first: date, last: date) -> Sequence[Path]:
        files = await Lake(LocalObjects(directory)).files()
        return [directory / file.name for file in files if first <= file.day <= last]

    return Evidence(find_files, directory.parent / "copies")


def test_a_card_s_payments_come_newest_first_with_the_columns_that_are_there(tmp_path: Path) -> None:
    """Of two days and two files; a column that no file has is left out, and the archive says until when it knows."""
    write(tmp_path / "archive", *range(12), step_ms=DAY_MS // 4)
    write(tmp_path / "archive", *range(12, 17), step_ms=DAY_MS // 4)

    history = asyncio.run(
        evidence(tmp_path / "archive").history(
            CARD, MONDAY_MS + 4 * DAY_MS, ["merchant", "amt_ratio1", "nothing"]
        )
    )

    assert ["p16", "p11", "p6", "p1"] == [payment.transaction_id for payment in history.payments]
    assert {"merchant": "Corner shop", "amt_ratio1": 0.1} == history.payments[-1].values
    assert MONDAY_MS + 4 * DAY_MS - DAY_MS + 32007 > (history.archived_until_ms or 0) > MONDAY_MS


def test_a_variable_named_as_the_archive_s_folders_has_its_own_values(tmp_path: Path) -> None:
    """A file lies in a folder `date=2026-01-05`, which is no column of it."""
    dates = pl.Series("date", [f"2020-12-{24 + number % 2}" for number in range(7)])
    lake = Lake(LocalObjects(tmp_path / "archive"))
    asyncio.run(lake.write(Stream("decisions", 0), rows(*range(7)).with_columns(dates), {}))
    asked = evidence(tmp_path / "archive")

    history = asyncio.run(asked.history(CARD, MONDAY_MS + DAY_MS, ["date"]))
    (link,) = asyncio.run(asked.links(CARD, MONDAY_MS + DAY_MS, {"date": "2020-12-24"})).links

    assert [{"date": "2020-12-24"}, {"date": "2020-12-25"}] == [each.values for each in history.payments]
    assert 3 == link.payments


def test_a_decision_that_was_made_twice_is_shown_once(tmp_path: Path) -> None:
    """A killed worker decides some payments again."""
    lake = Lake(LocalObjects(tmp_path / "archive"))
    asyncio.run(lake.write(Stream("decisions", 0), archived([encoded(1), encoded(1)], [1, 2]), {}))

    history = asyncio.run(evidence(tmp_path / "archive").history(CARD, MONDAY_MS + DAY_MS, []))

    assert ["p1"] == [payment.transaction_id for payment in history.payments]


def test_links_count_other_cards_and_the_alerts_among_them(tmp_path: Path) -> None:
    """What a merchant calls itself is a value and never SQL; a variable that no file has links nothing."""
    made = [encoded(number, variables=OTHER_SHOP if number in (1, 2, 7) else SHOP) for number in range(8)]
    made[7] = encoded(7, variables=OTHER_SHOP, outcome="block", fraud=True)
    lake = Lake(LocalObjects(tmp_path / "archive"))
    asyncio.run(lake.write(Stream("decisions", 0), archived(made, list(range(8))), {}))

    answer = asyncio.run(
        evidence(tmp_path / "archive").links(
            CARD, MONDAY_MS + DAY_MS, {"merchant": OTHER_SHOP["merchant"], "device": "d1"}
        )
    )
    merchant, device = answer.links

    assert Totals(8, 1) == answer.totals
    assert (2, 1, 1, 1) == (merchant.payments, merchant.alerts, merchant.entities, merchant.alerted_entities)
    assert (Other(f"{2:032x}", "0002", 2, 1, MONDAY_MS + 14_000),) == merchant.others
    assert (0, 0, 0, ()) == (device.payments, device.alerts, device.entities, device.others)


def test_an_archive_that_is_not_there_has_no_answer_to_give_and_no_error(tmp_path: Path) -> None:
    """The page says that there is none."""
    asked = evidence(tmp_path / "archive")

    assert History() == asyncio.run(asked.history(CARD, MONDAY_MS, []))
    assert Links() == asyncio.run(asked.links(CARD, MONDAY_MS, {"merchant": "Corner shop"}))


def test_a_damaged_file_is_said_in_a_sentence(tmp_path: Path) -> None:
    """Not as DuckDB puts it."""
    write(tmp_path / "archive", 1, 2)
    for path in (tmp_path / "archive").rglob("*.parquet"):
        path.write_bytes(b"PAR1 and nothing")

    with pytest.raises(NoAnswer, match="the console's log says why"):
        asyncio.run(evidence(tmp_path / "archive").history(CARD, MONDAY_MS + DAY_MS, []))


def test_an_archive_that_does_not_answer_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bucket may hang; the page says so instead."""

    async def never(first: date, last: date) -> Sequence[Path]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(archive, "LIMIT_S", 0.05)

    with pytest.raises(NoAnswer, match="did not answer within"):
        asyncio.run(Evidence(never, tmp_path).history(CARD, MONDAY_MS, []))


def test_many_small_files_are_answered_from_one_copy_that_a_compaction_makes_useless(tmp_path: Path) -> None:
    """The rows stay the same all the time."""
    directory, small = tmp_path / "archive", SmallFiles(tmp_path / "copies")
    for number in range(TOGETHER):
        write(directory, number)

    def files() -> dict[LakeFile, Path]:
        return files_of(directory.rglob("*.parquet"))

    assert (1, 0) == (small.merge(files()), small.merge(files()))
    write(directory, TOGETHER)
    together = small.together(files())
    assert [(0, TOGETHER - 1), (TOGETHER, TOGETHER)] == sorted((file.first, file.last) for file in together)

    asyncio.run(Lake(LocalObjects(directory)).compact())
    assert 0 == small.merge(files())
    assert {*files()} == {*small.together(files())}
    assert [] == list((tmp_path / "copies").rglob("*.parquet"))


def test_a_copy_of_an_earlier_archive_does_not_count(tmp_path: Path) -> None:
    """Topics that were made anew begin at offset 0 again."""
    directory, small = tmp_path / "archive", SmallFiles(tmp_path / "copies")
    for number in range(TOGETHER):
        write(directory, number)
    small.merge(files_of(directory.rglob("*.parquet")))
    for path in directory.rglob("*.parquet"):
        path.unlink()
    write(directory, 0)

    assert [(0, 0)] == [
        (file.first, file.last) for file in small.together(files_of(directory.rglob("*.parquet")))
    ]


def test_only_a_card_s_partition_is_read_on_days_that_have_as_many(tmp_path: Path) -> None:
    """Before partitions were added it was in another."""
    before, after = date(2020, 2, 3), date(2020, 2, 4)
    streams = [(before, 0), (before, 1), (after, 0), (after, 3)]
    files = {LakeFile(day, Stream("decisions", number), 0, 9): Path(str(number)) for day, number in streams}

    read = of_partition(files, 3)

    assert [(before, 0), (before, 1), (after, 3)] == [(file.day, file.stream.partition) for file in read]
    assert files == of_partition(files, None)
