"""The file of users: what is written can be read, what is malformed is refused without being repeated."""

import stat
from pathlib import Path

import pytest

from fraudstream.adapters.secrets.password_files import password_fits, password_hash, put_user, read_users
from fraudstream.domain.errors import SetupError

HASH = "scrypt$32768$8$3$UmjRnzUQXbZk9T+wMpnfWg==$JRZgexgOjm7idptw5h6BA00k5FWMtxfCsYhI6qB+JJM="
"""Of `a long password`, as it was made once."""


def test_a_hash_fits_its_password_only():
    """And two hashes of one password differ: each has its salt."""
    hashed = password_hash("a long password")

    assert password_fits("a long password", hashed)
    assert not password_fits("a long passwort", hashed)
    assert password_hash("a long password") != hashed


def test_a_user_is_added_and_replaced(tmp_path: Path):
    """The file is for its owner; comments and other users stay."""
    path = tmp_path / "etc" / "users"
    put_user(path, "ada", HASH)
    put_user(path, "ad", HASH)
    path.write_text("# people\n\n" + path.read_text())
    put_user(path, "ada", password_hash("another password"))
    users = read_users(path)

    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert {"ada", "ad"} == set(users)
    assert password_fits("another password", users["ada"])
    assert path.read_text().startswith("# people\n")


@pytest.mark.parametrize(
    "line",
    [
        "ada",
        "ada:hunter2hunter2",
        f":{HASH}",
        f"a b:{HASH}",
        f"ada:{HASH}:more",
        HASH.replace("scrypt$32768", "ada:scrypt$32767"),
        HASH.replace("scrypt$32768$8", "ada:scrypt$9999999$99"),
        "ada:scrypt$32768$8$3$AAAAAAAAAAAAAAAA=AAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        f"ada:{HASH}\nada:{HASH}",
    ],
    ids=[
        "no hash",
        "a password",
        "no name",
        "a blank",
        "too much",
        "few rounds",
        "many rounds",
        "no base64",
        "twice",
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, line: str):
    """It may hold a password somebody typed in: it is not repeated."""
    path = tmp_path / "users"
    path.write_text(f"# people\n{line}\n")
    with pytest.raises(
        SetupError, match=r"line [23] of the users file .* fraudstream web-user NAME"
    ) as refused:
        read_users(path)

    assert "hunter2" not in str(refused.value)
    assert HASH not in str(refused.value)


@pytest.mark.parametrize("content", [None, b"", b"# nobody\n", b"\xff"])
def test_a_file_without_users_is_refused(tmp_path: Path, content: bytes | None):
    """Missing, empty, or no text."""
    path = tmp_path / "users"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SetupError, match="fraudstream web-user NAME --file"):
        read_users(path)
