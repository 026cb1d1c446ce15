"""What people write as values of lists."""

from pathlib import Path

import pytest

from fraudstream.adapters.lists import values
from fraudstream.adapters.lists.values import Values, checked, rows_of
from fraudstream.domain.errors import SetupError
from fraudstream.domain.tokens import Tokenizer

OLD = Tokenizer(bytes(32))
CARDS = Values("card", Tokenizer(b"1" * 32, 2, 1_000, OLD), "card-number")
TEXTS = Values("text", OLD, "card-number")
CARD = "4006080197832643"


def test_a_card_is_listed_under_each_token_that_it_had() -> None:
    """Late events come under the earlier one."""
    assert (CARDS.tokenizer.token(CARD), OLD.token(CARD)) == CARDS.of("4006 0801 9783 2643")
    assert (OLD.token(CARD),) == CARDS.of(OLD.token(CARD))


@pytest.mark.parametrize("text", ["", " ", "abc", "12", "x" * 257])
def test_what_is_no_card_is_refused_without_showing_it(text: str) -> None:
    """It may be half of a number."""
    with pytest.raises(SetupError) as said:
        CARDS.of(text)
    assert not text.strip() or text not in str(said.value)


def test_a_file_with_too_many_lines_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is published; it is read a line at a time."""
    monkeypatch.setattr(values, "ENTRIES_MAX", 3)
    file = tmp_path / "many.csv"
    file.write_text("value\n" + "a\n" * 4)

    with pytest.raises(SetupError, match="has more than 3 rows, and workers hold so many"):
        checked(file, TEXTS)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "has no column value"),
        (b"card\n1\n", "has no column value; it may have until and why, too"),
        (b"value\n\xff\xfe\n", "is no CSV file in UTF-8"),
        (b"value,until\na,2027-01-01\n", "line 2: this moment has no zone"),
        (b"value\n" + b"\n".join([b'" "'] * 50), "and perhaps more"),
        (b"value,why\na," + b"w" * 1001 + b"\n", "line 2: the reason has 1,001 characters"),
    ],
)
def test_a_file_that_is_none_is_said(content: bytes, complaint: str, tmp_path: Path) -> None:
    """With the line."""
    file = tmp_path / "file.csv"
    file.write_bytes(content)

    with pytest.raises(SetupError, match=complaint):
        checked(file, TEXTS)


def test_of_many_mistakes_the_first_are_shown(tmp_path: Path) -> None:
    """A file may have a million of them."""
    file = tmp_path / "file.csv"
    file.write_text("value\n" + '" "\n' * 500)

    with pytest.raises(SetupError) as said:
        checked(file, TEXTS)
    assert values.SHOWN_MAX == str(said.value).count("line ")


def test_rows_have_their_own_end_and_reason(tmp_path: Path) -> None:
    """If the file has the columns."""
    file = tmp_path / "file.csv"
    file.write_text("\ufeffwhy,value,until\nx,a,2027-01-01T00:00:00+01:00\n,b,\n")
    (one, other) = rows_of(file, TEXTS)

    assert (("a",), "x", ("b",), None) == (one.values, one.why, other.values, other.until)
    assert one.until is not None
