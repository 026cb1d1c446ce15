"""Keys of programs: shown once, kept as hashes, checked in SQLite and PostgreSQL as they are used."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from fraudstream.adapters.database.api_keys import ApiKeys, parts_of
from fraudstream.adapters.database.engine import DatabaseUnavailable, opened
from fraudstream.adapters.database.queries import QUERIES
from fraudstream.adapters.database.webhook_tables import METADATA
from fraudstream.domain.errors import SetupError


@pytest.fixture
def engine(database_url: str) -> Engine:
    """Return a new database."""
    return opened(database_url)


def test_a_key_is_found_by_its_id_and_fits_only_its_secret(engine: Engine) -> None:
    """The database does not hold the secret."""
    keys = ApiKeys(engine)
    text = keys.create("shop", ["score", "predict"], 50.0, 9_000)
    parts = parts_of(text)
    assert parts is not None
    key_id, secret = parts
    key = keys.find(key_id)

    assert key is not None
    assert ("shop", {"predict", "score"}, 50.0) == (key.name, key.scopes, key.events_per_s)
    assert (True, False) == (key.fits(secret), key.fits(secret[:-1] + "~"))
    assert ("", "the key has expired") == (key.ended(8_999), key.ended(9_000))
    assert secret not in str(key)
    assert keys.find("0" * 12) is None


def test_a_revoked_key_stays_revoked(engine: Engine) -> None:
    """And one that does not exist cannot be revoked."""
    keys = ApiKeys(engine)
    parts = parts_of(keys.create("shop", ["predict"]))
    assert parts is not None
    keys.revoke(parts[0])
    first = keys.all()[0].revoked_at
    keys.revoke(parts[0])

    assert ("the key was revoked", first) == (keys.all()[0].ended(0), keys.all()[0].revoked_at)
    with pytest.raises(SetupError, match="there is no key abc; see: fraudstream api-keys list"):
        keys.revoke("abc")


@pytest.mark.parametrize("scopes", [[], ["predict", "everything"]])
def test_a_key_needs_scopes_that_exist(engine: Engine, scopes: list[str]) -> None:
    """A key for nothing would be a mistake, too."""
    with pytest.raises(SetupError, match="a key needs scopes among predict, score, labels, lists, detectors"):
        ApiKeys(engine).create("shop", scopes)


@pytest.mark.parametrize(
    "text", ["", "fsk_", "fsk_0123456789ab_short", "FSK_0123456789ab_" + "a" * 43, "x" * 10_000]
)
def test_what_is_no_key_is_told_without_the_database(text: str) -> None:
    """Ids and secrets have one length."""
    assert parts_of(text) is None


def test_the_migrations_make_the_tables_that_are_declared(engine: Engine) -> None:
    """Name by name and column by column."""
    assert QUERIES.metadata is METADATA
    there = inspect(engine)
    declared = {name: {column.name for column in table.columns} for name, table in METADATA.tables.items()}

    assert declared == {
        name: {column["name"] for column in there.get_columns(name)}
        for name in there.get_table_names()
        if name != "alembic_version"
    }


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    """An older program could not know what its tables mean."""
    path = tmp_path / "f.db"
    opened(f"sqlite:///{path}").dispose()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(SetupError, match="made by a newer fraudstream"):
        opened(f"sqlite:///{path}")


@pytest.mark.parametrize("url", ["nonsense", "oracledb://x/y"])
def test_an_address_that_is_none_is_a_set_up_error(url: str) -> None:
    """The sentence has examples, and not the address, which may hold a password."""
    with pytest.raises(SetupError, match="FRAUDSTREAM_DATABASE") as error:
        opened(url)
    assert url not in str(error.value)


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    """It is not overwritten."""
    path = tmp_path / "f.db"
    path.write_bytes(b"what is this" * 100)

    with pytest.raises(DatabaseUnavailable, match="not a database"):
        opened(f"sqlite:///{path}")
    assert path.read_bytes().startswith(b"what is this")
