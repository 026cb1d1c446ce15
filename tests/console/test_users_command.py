"""`fraudstream users` and `fraudstream audit` as users run them."""

import io
import json
from pathlib import Path
from typing import NamedTuple

import pytest
from sqlalchemy import delete

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.tables import AUDIT
from fraudstream.cli import cli, complaining
from fraudstream.settings import Settings


class Ended(NamedTuple):
    """A command that has ended."""

    code: int
    out: str
    err: str


class Commands:
    """Runs commands in this process, of which each would need seconds to start."""

    def __init__(
        self, data_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("FRAUDSTREAM_DATA_DIR", str(data_dir))
        self._monkeypatch, self._capsys = monkeypatch, capsys

    def run(self, *words: str, typed: str = "") -> Ended:
        """Run a command to its end; somebody types that meanwhile."""
        self._monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as ended, complaining():
            cli.main(args=list(words), prog_name="fraudstream")
        said = self._capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Return commands in an empty directory."""
    return Commands(tmp_path, monkeypatch, capsys)


def test_people_are_added_and_the_trail_tells_by_whom(commands: Commands, tmp_path: Path) -> None:
    """From an empty directory to a broken chain."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    added = commands.run("users", "add", "Ada", "--role", "admin", typed="correct horse battery\n")
    short = commands.run("users", "add", "ben", typed="short\n")
    made = json.loads(commands.run("users", "add", "eve", "--random-password", "--json").out)
    link = commands.run("users", "invite", "ben", "--role", "lead").out
    last = commands.run("users", "disable", "ada")
    changed = [
        commands.run("users", *words).code
        for words in (("role", "eve", "admin"), ("disable", "ada"), ("enable", "ada"), ("disable", "nobody"))
    ]
    again = commands.run("users", "password", "ada", typed="another horse battery\n")
    listed = json.loads(commands.run("users", "list", "--json").out)

    assert (0, 0) == (added.code, again.code)
    assert (2, "Error: a password has 12 to 1,000 characters\n") == (short.code, short.err)
    assert 20 == len(made["password"])
    assert link.startswith("http://127.0.0.1:8090/invitations/")
    assert "this is the last admin" in last.err
    assert [0, 0, 0, 2] == changed
    assert [("ada", "admin", "active"), ("ben", "lead", "invited"), ("eve", "admin", "active")] == [
        (each["name"], each["role"], each["state"]) for each in listed
    ]

    told = json.loads(commands.run("audit", "list", "--action", "people.role", "--json").out)
    assert [("eve", {"from": "analyst", "to": "admin"})] == [
        (each["subject"], each["details"]) for each in told
    ]
    assert told[0]["person"].endswith("(command line)")
    verified = json.loads(commands.run("audit", "verify", "--json").out)
    assert (True, 8) == (verified["ok"], verified["entries"])
    with opened(settings.database_url).begin() as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.number == 8))
    assert 0 == commands.run("audit", "verify").code
    missing = commands.run("audit", "verify", "--noted", verified["last"])
    assert (1, "entry 8 is broken: it is missing\n") == (missing.code, missing.err)
    with opened(settings.database_url).begin() as connection:
        connection.execute(delete(AUDIT).where(AUDIT.c.number == 3))
    broken = commands.run("audit", "verify", "--json")
    assert (1, {"ok": False, "entry": 3, "why": "it is missing"}) == (
        broken.code,
        json.loads(broken.out),
    )
    assert 2 == commands.run("audit", "verify", "--noted", "8").code
