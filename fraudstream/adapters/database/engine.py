"""Opens the database: SQLite in a file, or PostgreSQL; makes and upgrades its tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from fraudstream.domain.errors import FraudstreamError, SetupError

MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_TIMEOUT_MS = 5_000
"""How long SQLite waits for another process that writes."""

UPGRADE_LOCK = 0x6D696772
"""Number of PostgreSQL's lock under which one process migrates at a time."""


class DatabaseUnavailable(FraudstreamError):
    """The database does not answer, is locked, or has no space; that may pass by itself."""

    later = True


@contextmanager
def said() -> Iterator[None]:
    """Turn the database's errors into ours, without the statement and its values."""
    try:
        yield
    except DBAPIError as error:
        raise DatabaseUnavailable(f"the database does not do its work ({error.orig})") from error
    except SQLAlchemyError as error:
        raise DatabaseUnavailable(f"the database does not do its work ({type(error).__name__})") from error


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection within a transaction that changes something; raises DatabaseUnavailable.

    SQLite alone would begin at the first write, and fail if what was read before has been changed since.
    """
    with said(), engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.commit()


def insert_new(connection: Connection, table: Table) -> Any:
    """Return an insertion that can be told what to do on a conflict; each database has its own."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def opened(url: str) -> Engine:
    """Return an engine whose tables are up to date; raises SetupError or DatabaseUnavailable."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(parsed, pool_pre_ping=True)
    except (ArgumentError, NoSuchModuleError) as error:
        raise SetupError(
            "FRAUDSTREAM_DATABASE is not the address of a database that is known here, such as "
            "sqlite:////var/lib/fraudstream/fraudstream.db or postgresql+psycopg://user@host/name"
        ) from error
    except ModuleNotFoundError as error:
        raise SetupError(
            f"the driver {error.name} of FRAUDSTREAM_DATABASE is not installed: pip install {error.name}"
        ) from error
    if parsed.get_backend_name() == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
    with said():
        _upgrade(engine)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Let readers go on while one process writes, and lose nothing that was committed."""
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MS}",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _upgrade(engine: Engine) -> None:
    """Run the migrations that the database lacks, in one transaction; processes that start at once wait for each other."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with writing(engine) as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise SetupError(
                f"the database was made by a newer fraudstream ({error}); upgrade fraudstream, or name another database"
            ) from error
