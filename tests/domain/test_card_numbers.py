"""What looks like a card number, and what does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.card_numbers import masked, normalised, without_card_numbers

OWN = "400000000000"


@given(st.text("0123456789 -", min_size=12, max_size=30))
def test_every_form_of_a_card_number_that_is_accepted_is_masked_everywhere(text: str) -> None:
    """One definition: every form of a card number that is accepted is also masked."""
    spaced_once = all(pair not in text for pair in ("  ", "--", " -", "- "))
    try:
        normalised(text)
    except Exception:  # noqa: BLE001
        return

    assert not spaced_once or "***" == masked(text).strip(" -")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("***", "4006080197832643"),
        ("card ***!", "card 4006 0801 9783 2643!"),
        ("***", "4006-0801-9783-2643"),
        ("***", "4006\u00a00801\u20139783\u00a02643"),
        ("***", "٤٠٠٦٠٨٠١٩٧٨٣٢٦٤٣"),
        ("x***y", "x4006080197832643y"),
        ("***, ***", "4006.0801.9783.2643, 4006/0801/9783/2643"),
        ("*** amex", "3782_822463_10005 amex"),
        ("31.12.2020 23:59:59 from 192.168.100.200:9092", "31.12.2020 23:59:59 from 192.168.100.200:9092"),
        ("11 digits stay: 12345678901", "11 digits stay: 12345678901"),
        ("1580515200.25", "1580515200.25"),
    ],
)
def test_dead_letters_and_logs_show_nothing_that_could_be_a_card_number(expected: str, text: str) -> None:
    """Masked more strictly than published fields."""
    assert expected == masked(text)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("shop ***", "shop 4006080197832643"),
        ("***", "4006 0801 9783 2643"),
        ("***", "4006.0801.9783.2643"),
        ("4006.0801.9783.2644", "4006.0801.9783.2644"),
        ("30/01/2020 12:30:45", "30/01/2020 12:30:45"),
        ("*** ", "378282246310005 "),
        ("***", "4006080197832643 12"),
        ("***", "٤٠٠٦٠٨٠١٩٧٨٣٢٦٤٣"),
        ("***", f"{OWN}"),
        ("shop ***", f"shop 9{OWN}9"),
        ("4006080197832644", "4006080197832644"),
        ("123456789012345", "123456789012345"),
        ("2020-01-31 120000000", "2020-01-31 120000000"),
    ],
)
def test_fields_that_rules_compare_lose_only_card_numbers(expected: str, text: str) -> None:
    """A wrong check digit, a merchant's number or a date stays what it is; the payment's own card never does."""
    assert expected == without_card_numbers(text, OWN)
