"""Which column is which: what is told, what is guessed and said, and one sentence where neither will do."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from fraudstream.cli import cli
from fraudstream.domain.errors import SetupError
from tests.offline.importing_of import GOOD, HEADER, csv_of, imported


@pytest.mark.parametrize(
    ("header", "names", "sentence"),
    [
        ("customer_card,amount,ts", {}, "customer_card looks like cc_num: use --column cc_num=customer_card"),
        (
            "who,amount,ts",
            {},
            "no column cc_num; name them with --column, e.g. --column cc_num=NAME; it has who",
        ),
        (
            "cc_num,total_value,created_at",
            {},
            "--column amount=total_value; created_at looks like event_time",
        ),
        ("cc_num,amount,ts,timestamp", {}, "ts or timestamp may be the event_time; choose one"),
        ("cc_num,amount,ts", {"amount": "amout"}, "has no column amout; did you mean amount"),
        ("cc_num,amount,ts,ts", {}, "has ts more than once"),
        ("cc_num;amount;ts", {}, "one column with ';' in its name; use --delimiter ';'"),
    ],
)
def test_a_header_that_does_not_fit_is_one_sentence_that_says_what_to_name(
    header: str, names: dict[str, str], sentence: str, tmp_path: Path
) -> None:
    """Before any row is read."""
    with pytest.raises(SetupError, match=sentence):
        imported(tmp_path, header, "4000000000000002,1,2020-01-26", **names)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (("--column", "card_number"), "does not name two columns"),
        (("--column", "cc_nun=card_number"), "a history has no column cc_nun; did you mean cc_num?"),
        (("--column", "cc_num=a", "--column", "cc_num=b"), "--column names cc_num more than once"),
        (("--time-zone", "Berlin"), "is not a time zone"),
        (("--encoding", "hex"), "is not an encoding of text"),
        (("--delimiter", "::"), "is not one character"),
    ],
)
def test_a_wrong_option_is_one_sentence(option: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    """And names what is wrong with it."""
    path = csv_of(tmp_path, HEADER, GOOD)

    result = CliRunner().invoke(cli, ["history", "import", str(path), "--to", str(tmp_path / "h"), *option])

    assert 0 != result.exit_code
    assert sentence in result.output + str(result.exception)
