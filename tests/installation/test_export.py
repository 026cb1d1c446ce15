"""What is exported and taken over elsewhere is the same there, and replaces nothing."""

import json
from pathlib import Path

import pytest

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.database.people import People
from fraudstream.adapters.models.registry import Registry
from fraudstream.adapters.releases.store import Releases
from fraudstream.domain.people import Role
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.releases import drafted_in

pytestmark = pytest.mark.timeout(200)

WHAT = ("--what", "models", "--what", "users")


def contents(directory: Path) -> dict[str, bytes]:
    """Return the files below a directory."""
    files = (path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("."))
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


def test_models_releases_and_users_are_the_same_elsewhere(tmp_path: Path) -> None:
    """Without a broker, and without passwords; taken over twice nothing is new, and what differs is refused as a whole."""
    here, there = (Settings(_env_file=None, data_dir=tmp_path / name) for name in ("here", "there"))
    drafted_in(here.data_dir / "models", 1, 2)
    people = People(opened(here.database_url))
    people.create("test", "ada", Role.ANALYST, "Ada", password_hash="secret-hash")
    people.create("test", "bob", Role.LEAD)
    people.create("test", "zoe", Role.ADMIN)
    people.disable("test", "bob")
    out = tmp_path / "out"

    done = fraudstream(here, "export", out, *WHAT, "--json")
    assert 0 == done.returncode, done.stderr
    assert b"secret-hash" not in b"".join(contents(out).values())
    assert 2 == fraudstream(here, "export", out, *WHAT).returncode

    first = json.loads(fraudstream(there, "import", "files", out, *WHAT, "--json").stdout)
    again = json.loads(fraudstream(there, "import", "files", out, *WHAT, "--json").stdout)
    assert (json.loads(done.stdout), {"models": 0, "users": 0}) == (first, again)
    assert contents(here.data_dir / "models") == contents(there.data_dir / "models")
    assert Releases.of(here).log() == Releases.of(there).log()
    assert Registry.of(here).resolve() == Registry.of(there).resolve()
    users = {
        user.name: (user.shown, user.role, user.state) for user in People(opened(there.database_url)).all()
    }
    assert {
        "ada": ("Ada", Role.ANALYST, "invited"),
        "bob": ("bob", Role.LEAD, "disabled"),
        "zoe": ("zoe", Role.ADMIN, "invited"),
    } == users

    name = next(iter(contents(out / "models")))
    (out / "models" / name).write_bytes(b"other")
    refused = fraudstream(there, "import", "files", out, *WHAT)
    assert (2, True) == (refused.returncode, "with other content" in refused.stderr)


def test_lists_are_the_same_elsewhere(kafka_settings: Settings, tmp_path: Path) -> None:
    """The lists, what is on them, why and until when; here elsewhere is another set of topics of the same brokers."""
    there = kafka_settings.model_copy(
        update={
            "topic_prefix": f"{kafka_settings.topic_prefix}there-",
            "app_id": f"{kafka_settings.app_id}-there",
        }
    )
    out, merchants = tmp_path / "out", tmp_path / "merchants.txt"
    merchants.write_text("value\nCorner shop\nLucky Casino\n")
    for words in (
        ("lists", "create", "merchants", "--purpose", "deny"),
        ("lists", "import", "merchants", merchants),
        ("export", out, "--what", "lists"),
    ):
        done = fraudstream(kafka_settings, *words)
        assert 0 == done.returncode, done.stderr
    new = json.loads(fraudstream(there, "import", "files", out, "--json").stdout)
    assert {"lists": 3} == new
    assert {"lists": 0} == json.loads(fraudstream(there, "import", "files", out, "--json").stdout)
    assert 0 == fraudstream(there, "export", tmp_path / "again", "--what", "lists").returncode
    assert (out / "lists.json").read_bytes() == (tmp_path / "again" / "lists.json").read_bytes()
