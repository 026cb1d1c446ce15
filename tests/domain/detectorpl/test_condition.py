"""DETECTORPL means by our SQL what it means value by value, and what is none says where it goes wrong."""

from typing import Any, cast

import pytest
from hypothesis import given, settings

from fraudstream.domain.detectorpl.condition import Condition, holding, on_lists
from fraudstream.domain.detectorpl.tokens import NotACondition
from fraudstream.domain.detectorpl.tree import Type
from tests.domain.detectorpl.oracle import CONDITIONS, VALUES, VARIABLES, evaluated, written

TYPES = cast(dict[str, Type], VARIABLES)
EVENT: dict[str, Any] = {"score": 905.0, "amt": 10.5, "zip": "AB1", "shop": None, "known": True}


def held(text: str) -> bool:
    """Return whether a condition holds for an event."""
    return holding([Condition(text, TYPES)], EVENT)[0]


@pytest.mark.property
@given(CONDITIONS, VALUES)
@settings(max_examples=1500, deadline=None)
def test_sql_means_what_the_condition_means(condition: Any, event: dict[str, Any]) -> None:
    """Whatever is written, with values that are missing, too."""
    compiled = Condition(written(condition), TYPES)

    assert [evaluated(condition, event) is True] == holding([compiled], event), compiled.sql


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$score > 900 and $amt >= 10.5", True),
        ("905.0 <= $score and $score <= 955.0", True),
        ("$score > 900 and $amt > 10.5 or $known", True),
        ("$score > 900 and ($amt > 10.5 or !$known)", False),
        ('$zip == "AB1" and $zip in ["x", "AB1"]', True),
        ('regex_match("[a-z]{2}\\d", lowercase($zip)) and !regex_match("AB", $zip)', True),
        ('$shop == "a" or $shop != "a" or !($shop == "a")', False),
        ('$shop == null and $zip != null and $shop not in ["a"]', False),
        ("$shop == null and $zip != null", True),
        ("$score / ($amt - 10.5) > 0", False),
        ("2 + 3 * 4 == 14 and -$amt < 0 and 7 % 4 == 3 and 5 / 2 == 2.5", True),
        ("10 - 4 - 3 == 3 and $score > -5", True),
        ("!$known == false and !!$known", True),
        ("\n $known\t==  true ", True),
    ],
)
def test_conditions_are_read_as_they_are_meant(text: str, expected: bool) -> None:
    """Precedence, nothing known, and numbers on either side."""
    assert expected == held(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a value is expected, not 'the end' (character 1)"),
        ("$score", "a condition is expected, not a number (character 2)"),
        ("$score > ", "a value is expected, not 'the end' (character 9)"),
        ("$score > 900 $amt", "'amt' is not expected (character 15)"),
        ("$scor > 900", "there is no variable $scor; did you mean score? (character 2)"),
        ('$score > "900"', "a number is expected, not text (character 8)"),
        ("$zip > 900", "text is expected, not a number (character 6)"),
        ("$known > true", "conditions are compared with == or != (character 8)"),
        ("$score > null", "null is compared with == or != (character 8)"),
        ("$zip + 1 > 2", "a number is expected, not text (character 2)"),
        ("$score and $known", "a condition is expected, not a number (character 8)"),
        ("($score > 1", "')' is expected, not 'the end' (character 12)"),
        ("$score in []", "a value is expected, not ']' (character 12)"),
        ("$score in @bad", "lists are asked for the text of a variable (character 8)"),
        ("uppercase($zip) in @bad", "lists are asked for the text of a variable (character 17)"),
        ("$zip in @5", "the name of a list is expected (character 10)"),
        ("$score in [$amt]", "a constant is expected (character 13)"),
        ("$score = 900", "what begins at character 7 is not understood"),
        ("$zip == 'a'", "what begins at character 8 is not understood"),
        (
            "score > 900",
            "'score' is not expected: variables begin with $, text is in double quotes (character 1)",
        ),
        ("isbefore($zip, $zip)", "isbefore is not supported (character 1)"),
        ("regex_match($zip, $zip)", "a regular expression in double quotes is expected (character 14)"),
        ("$score not 5", "'in' is expected after 'not' (character 12)"),
        ("(" * 60 + "$known" + ")" * 60, "there are more than 40 levels of brackets"),
        ("1" * 400 + " > 1", "what begins at character 1 is not understood"),
    ],
)
def test_what_is_no_condition_says_where(text: str, said: str) -> None:
    """The sentence goes into the answer to whoever wrote it."""
    with pytest.raises(NotACondition) as error:
        Condition(text, TYPES)

    assert said in str(error.value)


@pytest.mark.parametrize("text", ['regex_match("(", $zip)', 'regex_match("(?:a{1,999}){1,999}", $zip)'])
def test_regular_expressions_that_cannot_be_computed_are_refused(text: str) -> None:
    """Before the first event."""
    with pytest.raises(NotACondition, match="the condition"):
        Condition(text, TYPES)


def test_long_conditions_are_as_good_as_short_ones() -> None:
    """As many as fit into the 4,096 characters of the protocol."""
    text = " or ".join(f"$amt=={n}" for n in range(300))

    assert not held(text)
    assert held(f"{text} or $amt==10.5")
    assert held(" and ".join(["$known"] * 400))
    assert held("$amt" + "+0" * 150 + " > 10")


@pytest.mark.parametrize(
    ("text", "zip_code", "expected"),
    [
        ("$zip in @bad", "a", True),
        ("$zip in @bad", "b", False),
        ("$zip in @bad", None, False),
        ("$zip not in @bad", "b", True),
        ("$zip not in @bad", None, False),
        ("$zip in @absent or $score > 1", "a", True),
        ("$zip not in @absent", "a", False),
        ("!($zip in @bad)", "b", True),
    ],
)
def test_a_list_is_asked_for_the_value_of_a_variable(text: str, zip_code: str | None, expected: bool) -> None:
    """What is missing is neither on it nor off it, and so is everything where there is no such list."""
    condition = Condition(text, {"zip": "text", "score": "number"})
    values = {"zip": zip_code, "score": 2.0}
    answers = on_lists([condition], values, {"bad": frozenset({"a"})})

    assert [expected] == holding([condition], values | answers)
