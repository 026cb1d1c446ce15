"""What tests of queries ask."""

import asyncio

import pytest

from fraudstream.analytics.files import ArchiveFiles, Days, Files
from fraudstream.domain.labels import Label
from tests.analytics.history import write
from tests.archive_rows import MONDAY_MS


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return the files of a small archive, whose directory has a quote in its name."""
    directory = tmp_path_factory.mktemp("it's an archive")
    labels = [Label("p1", False, MONDAY_MS), Label("p1", True, MONDAY_MS + 5)]
    write(directory, [{"outcome": "review" if number == 1 else "approve"} for number in range(3)], labels)
    return asyncio.run(ArchiveFiles(str(directory), directory / "copies").found(Days()))
