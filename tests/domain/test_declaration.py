"""Mistakes in an event type's file are said with line, key, cause and fix, to somebody who sees such a file for the first time."""

import re
from pathlib import Path

import pytest

from fraudstream.adapters.event_types import event_type_named, event_types, text_of
from fraudstream.domain.errors import SetupError
from fraudstream.domain.events.declaration import Declaration
from tests.domain.declared_derived_mistakes import DERIVED_MISTAKES
from tests.domain.declared_mistakes import MISTAKES, VALID
from tests.domain.declared_reversal_mistakes import REVERSAL_MISTAKES
from tests.domain.declared_rule_mistakes import RULE_MISTAKES
from tests.domain.declared_velocity_mistakes import VELOCITY_MISTAKES


def mistake(text: str) -> str:
    """Return what is said of a file."""
    with pytest.raises(SetupError) as raised:
        Declaration(text, "payout.toml").read()
    return str(raised.value)


def changed(old: str, new: str) -> str:
    """Return the valid file with a line changed."""
    assert 1 == VALID.count(old), old
    return VALID.replace(old, new)


def test_the_valid_file_is_valid() -> None:
    """Otherwise the messages would be about other mistakes than those below."""
    assert "payout" == Declaration(VALID, "payout.toml").read().name


@pytest.mark.parametrize("name", event_types())
def test_the_package_s_event_types_are_valid(name: str) -> None:
    """And are named as their files are."""
    assert name == event_type_named(name).name


EVERY_MISTAKE = MISTAKES + VELOCITY_MISTAKES + DERIVED_MISTAKES + REVERSAL_MISTAKES + RULE_MISTAKES


@pytest.mark.parametrize(("old", "new", "said"), EVERY_MISTAKE, ids=[said for _, _, said in EVERY_MISTAKE])
def test_a_mistake_is_said_with_its_line(old: str, new: str, said: str) -> None:
    """In one line, which begins with the file's name, so that editors can jump there."""
    sentence = mistake(changed(old, new))

    assert f"payout.toml, {said}" == sentence[: len(f"payout.toml, {said}")]
    assert "\n" not in sentence
    assert not re.search("Expected|Object missing|Invalid enum|msgspec|polars", sentence)


def test_an_event_type_without_an_entity_has_no_windows_to_use() -> None:
    """Neither in features nor in rules."""
    without = changed('[entity]\nfield = "account.id"\nkind = "text"', "")
    rule = without.replace('"amount", "amt_ratio1", "risk"', '"risk"').replace(
        'when = "risk > 0.9"', 'when = "num_trans_last_10m > 9"'
    )
    named = without.replace('["amount", "amt_ratio1", "risk"]', '"card"')

    assert "line 3, features: there is no feature amt_ratio1" in mistake(without)
    assert "rule 'risky' uses an unknown column, num_trans_last_10m; there are amount" in mistake(rule)
    assert "without an entity has no set 'card': list features" in mistake(named)


def test_an_empty_file_says_how_to_begin() -> None:
    """Not that an object lacks a field."""
    assert 'payout.toml, line 1: name is missing: write name = "payout"' == mistake("")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """With what lies beside it, and where to get a first one."""
    (tmp_path / "payout.toml").write_text(VALID)

    with pytest.raises(SetupError) as raised:
        text_of(f"{tmp_path}/payuot.toml")

    assert str(raised.value) == (
        f"there is no file {tmp_path}/payuot.toml; did you mean payout.toml?; "
        "to begin with a copy of card, run: fraudstream event-types show card"
    )


def test_an_unknown_name_is_refused() -> None:
    """Also one that was meant to be a file."""
    with pytest.raises(
        SetupError, match=r"there is no event type 'crad'; the package has: .*; did you mean card"
    ):
        text_of("crad")
    with pytest.raises(SetupError, match=r"the path of your own file ends with \.toml"):
        text_of("./payout.tml")


def test_what_editors_of_windows_write_is_read(tmp_path: Path) -> None:
    """A byte order mark, and two characters at a line's end."""
    path = tmp_path / "payout.toml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.replace("\n", "\r\n").encode())

    assert "payout" == event_type_named(str(path)).name
