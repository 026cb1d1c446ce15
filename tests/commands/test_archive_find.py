"""`fraudstream archive find`, with the filters that the page has."""

import asyncio
from pathlib import Path

import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.lake import Lake, Stream
from fraudstream.settings import Settings
from tests.archive_rows import rows
from tests.commands.running import fraudstream


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with an archive of ten payments."""
    asyncio.run(Lake(LocalObjects(tmp_path)).write(Stream("decisions", 0), rows(*range(10)), {}))
    return Settings(archive=str(tmp_path))


def test_find_prints_a_header_and_what_matches_all_filters(settings: Settings) -> None:
    """A part of the merchant's name, and comparisons."""
    filters = ("--merchant", "corner", "--field", "amount>7.5", "--field", "amount<=9.5")
    done = fraudstream(settings, "archive", "find", *filters)
    header, *lines = done.stdout.splitlines()

    assert 0 == done.returncode, done.stderr
    assert "merchant  reasons" in header
    assert ["p8  Corner shop  -", "p7  Corner shop  -"] == [line.split(")  ")[1] for line in lines]


def test_find_names_a_column_that_is_not_there(settings: Settings) -> None:
    """With the nearest one, and exit code 2, not 1."""
    done = fraudstream(settings, "archive", "find", "--field", "amuont>7.5")

    assert 2 == done.returncode
    assert "there is no column amuont in the archive of 2020-02-03; did you mean amount?" in done.stderr
