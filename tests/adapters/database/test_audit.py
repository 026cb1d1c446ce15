"""The audit trail tells what was changed, and whether it was changed itself."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Connection, Engine, delete, update

from fraudstream.adapters.database.audit import Broken, Entry, append, entries, verified
from fraudstream.adapters.database.engine import opened, writing
from fraudstream.adapters.database.tables import AUDIT


@pytest.fixture
def engine(database_url: str) -> Engine:
    """Return an empty database."""
    return opened(database_url)


def told(engine: Engine, count: int) -> list[Entry]:
    """Append some entries."""
    with writing(engine) as connection:
        return [
            append(connection, "ada", "case.close", f"case {number}", {"as": "fraud — ü"})
            for number in range(count)
        ]


def test_a_chain_holds(engine: Engine) -> None:
    """Each entry names the hash of the one before."""
    assert verified(engine) is None
    first, second, third = told(engine, 3)

    assert (first.hash, second.hash) == (second.previous, third.previous)
    assert third == verified(engine)
    assert [third, second, first] == entries(engine)
    assert [second] == entries(engine, person="ada", action="case", subject="case 1", before=3)


@pytest.mark.parametrize(
    "changed",
    [
        {"person": "eve"},
        {"details": '{"as": "legitimate"}'},
        {"at": 1},
        {"hash": "0" * 64},
        {"subject": "case 9"},
        {"action": "case.open"},
    ],
)
def test_a_changed_entry_is_found(engine: Engine, changed: dict[str, object]) -> None:
    """Whatever was changed in it."""
    told(engine, 3)
    with engine.begin() as connection:
        connection.execute(update(AUDIT).where(AUDIT.c.number == 2).values(changed))

    assert Broken(2, "it was changed after it was written") == verified(engine)


def test_a_changed_entry_whose_hash_was_computed_again_is_found(engine: Engine) -> None:
    """By the next one."""
    _, second, _ = told(engine, 3)
    forged = Entry(second.number, second.at, "eve", *[getattr(second, name) for name in Entry.__slots__[3:]])
    with engine.begin() as connection:
        values = {"person": "eve", "hash": forged.computed()}
        connection.execute(update(AUDIT).where(AUDIT.c.number == 2).values(values))

    assert Broken(3, "it does not follow from the one before") == verified(engine)


def test_a_removed_entry_is_found(engine: Engine) -> None:
    """One from the midst, and the first."""
    told(engine, 3)
    for number in (2, 1):
        with engine.begin() as connection:
            connection.execute(delete(AUDIT).where(AUDIT.c.number == number))

        assert Broken(number, "it is missing") == verified(engine)


def test_entries_of_several_writers_make_one_chain(engine: Engine) -> None:
    """None gets the number of another."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: told(engine, 3), range(16)))

    last = verified(engine)
    assert isinstance(last, Entry)
    assert 48 == last.number


def test_what_was_not_done_is_not_told(engine: Engine) -> None:
    """An entry belongs to the transaction of the change."""
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        fail_after(connection)

    assert [] == entries(engine)


def fail_after(connection: Connection) -> None:
    """Append an entry, and fail."""
    append(connection, "ada", "case.close", "case 1")
    raise ZeroDivisionError
