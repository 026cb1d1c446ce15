"""A directory keeps the contract."""

from pathlib import Path

import pytest

from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.objects import ObjectStore, ObjectsUnavailable
from tests.contracts.object_store import ObjectStoreContract


class TestLocalObjects(ObjectStoreContract):
    """The embedded store."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.directory = tmp_path

    def store(self) -> ObjectStore:
        """Open a directory."""
        return LocalObjects(self.directory)


async def test_an_unfinished_file_is_no_object(tmp_path: Path) -> None:
    """What a killed process left behind begins with a dot."""
    (tmp_path / ".a.parquet.123").write_bytes(b"half")

    assert [] == await LocalObjects(tmp_path).names()


async def test_a_place_that_cannot_be_written_is_no_bug(tmp_path: Path) -> None:
    """The archiver waits for it."""
    (tmp_path / "full").write_bytes(b"a file where a directory should be")

    with pytest.raises(ObjectsUnavailable):
        await LocalObjects(tmp_path / "full").put("a/b", b"")
