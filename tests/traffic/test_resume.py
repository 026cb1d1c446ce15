"""The file of --resume: complete or absent, and never used for another replay."""

from pathlib import Path

import pytest

from fraudstream.domain.errors import SetupError
from fraudstream.traffic.resume import Bookmark, Keeper, check_same_replay, read_bookmark

BOOKMARK = Bookmark("f" * 64, "in order", "transactions", True, 1234)


def test_a_bookmark_is_found_as_it_was_left(tmp_path: Path) -> None:
    """Position and everything the payments were made with."""
    BOOKMARK.at(17).save(tmp_path / "mark")

    assert BOOKMARK.at(17) == read_bookmark(tmp_path / "mark")


def test_no_file_is_no_bookmark(tmp_path: Path) -> None:
    """The first run names the same file as those that go on."""
    assert None is read_bookmark(tmp_path / "mark")


@pytest.mark.parametrize("content", ["", "[]", '{"acknowledged": 3}', "not json"])
def test_another_file_is_refused_and_kept(tmp_path: Path, content: str) -> None:
    """A mistyped name must not overwrite a file."""
    path = tmp_path / "notes.txt"
    path.write_text(content)

    with pytest.raises(SetupError, match="was not written by --resume"):
        read_bookmark(path)
    assert content == path.read_text()


@pytest.mark.parametrize(
    "other",
    [
        Bookmark("0" * 64, "in order", "transactions", True, 1234),
        Bookmark("f" * 64, "shuffled 1", "transactions", True, 1234),
        Bookmark("f" * 64, "in order", "x-transactions", True, 1234),
        Bookmark("f" * 64, "in order", "transactions", False, 1234),
    ],
)
def test_a_bookmark_of_another_replay_is_refused(tmp_path: Path, other: Bookmark) -> None:
    """Continuing other payments at row n would leave a gap that nobody notices."""
    with pytest.raises(SetupError, match=r"belongs to a replay of (another|other)"):
        check_same_replay(BOOKMARK, other, tmp_path / "mark")


def test_the_keeper_saves_at_the_latest_at_the_end(tmp_path: Path) -> None:
    """What was acknowledged between two savings is not lost when a replay ends in order."""
    with Keeper(BOOKMARK, tmp_path / "mark") as keeper:
        for _ in range(5):
            keeper.add(10)

    assert BOOKMARK.at(50) == read_bookmark(tmp_path / "mark")
