"""The file with the keys of card tokens: what is in it, and what may not be."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from fraudstream.adapters.secrets import token_keys
from fraudstream.domain.errors import SetupError
from fraudstream.domain.tokens import Tokenizer
from fraudstream.settings import Settings

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
DECEMBER, DECEMBER_MS = "2026-12-01T00:00:00Z", 1_796_083_200_000


def test_a_file_of_one_line_is_what_it_always_was(tmp_path: Path) -> None:
    """Tokens made before there were numbers stay valid."""
    (tmp_path / "key").write_text(A + "\n")

    assert Tokenizer(bytes.fromhex(A)) == token_keys.read(tmp_path / "key")


@pytest.mark.parametrize("between", ["\n", ",", "\n# a comment\n\n"])
def test_keys_follow_each_other(between: str) -> None:
    """In a file or, with commas, in the environment."""
    newest = token_keys.parsed(
        f"{A}{between}1:{B} from={DECEMBER}{between}9:{C} from=2027-01-01T01:00:00+01:00", "x"
    )

    assert (9, C, 1_798_761_600_000) == (newest.number, newest.key.hex(), newest.since_ms)
    assert newest.before == Tokenizer(bytes.fromhex(B), 1, DECEMBER_MS, Tokenizer(bytes.fromhex(A)))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "there is no card token key in x"),
        ("# nothing", "there is no card token key in x"),
        ("not hexadecimal", "line 1 .* is not `number:hexadecimal key"),
        (A[:-1], "line 1 .* is not `number:hexadecimal key"),
        (A[:-2], "line 1 .* is shorter than 32 bytes"),
        (f"256:{A}", "line 1 .*: the first key must have a number up to 255"),
        (f"{A} from={DECEMBER}", "line 1 .*: the first key .* no from="),
        (f"{A}\n1:{B}", "line 2 .*: a later key must have a higher number"),
        (f"{A}\n{B} from={DECEMBER}", "line 2 .*: a later key must have a higher number"),
        (f"2:{A}\n2:{B} from={DECEMBER}", "line 2 .*: a later key must have a higher number"),
        (f"2:{A}\n1:{B} from={DECEMBER}", "line 2 .*: a later key must have a higher number"),
        (f"{A}\n2:{B} from={DECEMBER}\n3:{C} from={DECEMBER}", "line 3 .* a later from=time"),
        (f"{A}\n1:{B} from=2026-12-01T00:00:00", "line 2 .*: from= must be a time with its zone"),
        (f"{A}\n1:{B} from=tomorrow", "line 2 .*: from= must be a time with its zone"),
    ],
)
def test_an_invalid_line_is_refused_without_repeating_it(text: str, sentence: str) -> None:
    """Sentences end up on screens and in logs."""
    with pytest.raises(SetupError, match=sentence) as refused:
        token_keys.parsed(text, "x")

    assert not any(secret[:20] in str(refused.value) for secret in (A, B, C))


def test_a_new_key_changes_nothing_before_its_time(tmp_path: Path) -> None:
    """The keys before stay, and the file its owner's."""
    path = tmp_path / "key"
    token_keys.make_first(path)
    first = token_keys.read(path)
    added = [token_keys.add(path, DECEMBER_MS + day) for day in range(2)]
    newest = token_keys.read(path)

    assert added[-1] == newest
    assert (first, [1, 2]) == (newest.at(DECEMBER_MS - 1), [key.number for key in added])
    assert 0o600 == path.stat().st_mode & 0o777
    assert ["key"] == [file.name for file in tmp_path.iterdir()]


def test_numbers_end_at_one_byte(tmp_path: Path) -> None:
    """A token has no room for more."""
    (tmp_path / "key").write_text(f"255:{A}")
    with pytest.raises(SetupError, match="all 255 key numbers"):
        token_keys.add(tmp_path / "key", DECEMBER_MS)


def test_keys_may_come_from_the_environment(tmp_path: Path) -> None:
    """A file that is named counts before them; without either one is made."""
    given = Settings(_env_file=None, data_dir=tmp_path, card_token_keys=SecretStr(A))
    (tmp_path / "named").write_text(B)

    assert A == given.tokenizer().key.hex()
    assert B == given.model_copy(update={"card_token_key_file": tmp_path / "named"}).tokenizer().key.hex()
    assert A not in repr(given)
    made = Settings(_env_file=None, data_dir=tmp_path / "new")
    assert (made.tokenizer(), 32) == (made.tokenizer(), len(made.tokenizer().key))


def test_a_named_file_that_is_missing_is_not_made(tmp_path: Path) -> None:
    """A typing error must not lead to new keys, and so to other tokens for the same cards."""
    with pytest.raises(SetupError, match="cannot be read; make one with: openssl rand -hex 32"):
        Settings(_env_file=None, card_token_key_file=tmp_path / "nowhere").tokenizer()


def test_check_values_tell_keys_apart_and_reveal_nothing_else() -> None:
    """Eight digits of a hash of 256 random bits."""
    keys = [token_keys.parsed(text, "x") for text in (A, B, f"1:{A}")]
    checks = [token_keys.check_value(key) for key in keys]

    assert checks[0] == checks[2] != checks[1]
    assert not any(check in A + B for check in checks)
