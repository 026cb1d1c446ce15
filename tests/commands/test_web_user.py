"""`fraudstream web-user`, and a worker that refuses to serve its pages without a login."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.adapters.secrets.password_files import password_fits, read_users
from fraudstream.app import web_login
from fraudstream.commands.web_user import web_user
from fraudstream.domain.errors import FraudstreamError, SetupError
from fraudstream.settings import Settings
from tests.commands.running import fraudstream

PASSWORD = "a long password"


def run(*arguments: str, password: str = PASSWORD) -> str:
    """Run the command with a password on its stdin and return what it prints; raises what it raises."""
    done = CliRunner().invoke(web_user, arguments, input=f"{password}\n", catch_exceptions=False)
    assert PASSWORD not in done.output
    return done.stdout


def test_the_line_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """For who keeps the file elsewhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("FRAUDSTREAM_WEB_USERS_FILE", raising=False)
    (tmp_path / "users").write_text(run("ada"))

    assert password_fits(PASSWORD, read_users(tmp_path / "users")["ada"])


def test_the_line_goes_where_the_workers_read_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The setting, unless a file is named; then the pages are guarded."""
    monkeypatch.setenv("FRAUDSTREAM_WEB_USERS_FILE", str(tmp_path / "users"))
    monkeypatch.setenv("FRAUDSTREAM_WEB_HOST", "0.0.0.0")
    printed = run("ada")
    run("bob", "--file", str(tmp_path / "others"))

    assert "" == printed
    assert ["ada"] == list(read_users(tmp_path / "users"))
    assert ["bob"] == list(read_users(tmp_path / "others"))
    assert web_login(Settings(_env_file=None)) is not None


def test_short_passwords_and_odd_names_are_refused():
    """Nothing is written."""
    with pytest.raises(FraudstreamError, match="at least 12 characters"):
        run("ada", password="short")
    with pytest.raises(FraudstreamError, match="letters, digits"):
        run("a:b")


def test_a_worker_with_pages_that_others_can_reach_without_a_login_does_not_start(tmp_path: Path):
    """Before it needs a broker or a model; without pages it would."""
    settings = Settings(
        _env_file=None, web_host="0.0.0.0", web_port=0, data_dir=tmp_path, broker="127.0.0.1:9"
    )
    with pytest.raises(SetupError, match="have no login"):
        web_login(settings)

    assert web_login(settings.model_copy(update={"web": False})) is None


def test_the_command_line_knows_it_by_its_name(tmp_path: Path):
    """A dash in the name; no password is an error, not a user."""
    settings = Settings(_env_file=None, data_dir=tmp_path, web_users_file=tmp_path / "users")
    done = fraudstream(settings, "web-user", "ada")

    assert 2 == done.returncode
    assert "at least 12 characters" in done.stderr
    assert not (tmp_path / "users").exists()
