"""Consoles for tests, without a broker."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from fraudstream.adapters.secrets import argon
from fraudstream.console.app import Console
from fraudstream.evidence import archive
from tests.console.browser import browser_page, chromium  # noqa: F401 - fixtures of browser tests
from tests.console.cases_world import World, usual
from tests.console.visiting import QUICK, Visitor, made, visitor
from tests.shared import PATIENCE_S

As = Callable[[str], Visitor]
Shared = Callable[..., Console]


@pytest.fixture(autouse=True)
def patient_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pages wait for the archive's answers however busy the machine is; what a page says without them is tested elsewhere."""
    monkeypatch.setattr(archive, "LIMIT_S", PATIENCE_S)


@pytest.fixture(autouse=True)
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let new hashes cost little: nobody has to be kept from guessing here. A hash says itself what it costs, and is checked as ever."""
    argon._nobodys.cache_clear()
    monkeypatch.setattr(argon, "_HASHER", QUICK)
    yield
    argon._nobodys.cache_clear()


@pytest.fixture
def console(tmp_path: Path) -> Console:
    """Return a console with an empty SQLite database of its own."""
    return made(f"sqlite:///{tmp_path / 'console.db'}", data_dir=tmp_path)


@pytest.fixture(scope="session")
def shared_console(tmp_path_factory: pytest.TempPathFactory) -> Shared:
    """Return a function that returns a console with these settings, to tests that leave nothing in it that others would notice."""

    @cache
    def shared(**settings: object) -> Console:
        directory = tmp_path_factory.mktemp("console")
        return made(f"sqlite:///{directory / 'console.db'}", data_dir=directory, **settings)

    return shared


@pytest.fixture
def either_console(database_url: str, tmp_path: Path) -> Console:
    """Return a console with an empty database: the test runs on SQLite and on PostgreSQL."""
    return made(database_url, data_dir=tmp_path)


@pytest.fixture
def as_role(console: Console) -> As:
    """Return a function that returns somebody with a role, logged in to `console`."""
    return lambda role: visitor(console, role)


@pytest.fixture
def world(console: Console) -> World:
    """Return what there is to review in `console`."""
    return usual(console)


@pytest.fixture
def either_world(either_console: Console) -> World:
    """Return the same in `either_console`."""
    return usual(either_console)
