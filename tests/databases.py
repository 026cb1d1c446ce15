"""SQLite databases for tests: their tables are made once in a process, by the migrations, and copied from then on."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy.engine import make_url

from fraudstream.adapters.database.engine import opened


def with_tables(url: str) -> str:
    """Give a SQLite database that does not exist yet its tables, so that opening it is quick; return its address."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        path = Path(parsed.database)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_migrated())
    return url


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as directory:
        path = Path(directory) / "f.db"
        opened(f"sqlite:///{path}").dispose()
        return path.read_bytes()
