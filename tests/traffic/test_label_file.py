"""Labels from CSV files: what a row means, and which rows are refused."""

from pathlib import Path

import pytest

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.domain.labels import Label
from fraudstream.traffic.label_file import LabelReader, labels_in, require_ids

NOW_MS = 1_600_000_000_000
"""2020-09-13 12:26:40 UTC."""
READER = LabelReader("chargeback", NOW_MS)


def read(
    tmp_path: Path, text: str, reader: LabelReader = READER, **names: str
) -> tuple[list[Label], list[tuple[int, str]]]:
    """Return labels, and line and reason of bad rows."""
    path = tmp_path / "labels.csv"
    path.write_text(text)
    labels, bad = labels_in(path, reader, names, "utf-8", ",")
    return labels, [(row.line, row.reason) for row in bad]


def test_a_row_is_a_label_with_its_time_and_note(tmp_path: Path) -> None:
    """Without a time it became known now; an empty note is none; other columns are left out."""
    text = (
        "tid,fraud,known_at,note,amount\n"
        "p1,yes,2020-09-01T00:00:00Z,card was stolen,5\np2,0,,,\np3,unsure,2020-09-01,,\n"
    )
    first = 1_598_918_400_000

    assert (
        [
            Label("p1", True, first, "chargeback", "card was stolen"),
            Label("p2", False, NOW_MS, "chargeback"),
            Label("p3", None, first, "chargeback"),
        ],
        [],
    ) == read(tmp_path, text)


def test_columns_and_values_may_have_other_names(tmp_path: Path) -> None:
    """A bank's file: every value but the named ones means no fraud."""
    reader = LabelReader("chargeback", NOW_MS, ("F", "FX"))
    labels, bad = read(tmp_path, "ref,code\np1,F\np2,FX\np3,N\n", reader, transaction_id="ref", fraud="code")

    assert [("p1", True), ("p2", True), ("p3", False)] == [
        (each.transaction_id, each.fraud) for each in labels
    ]
    assert [] == bad


def test_a_column_that_is_named_counts_instead_of_one_that_is_recognised(tmp_path: Path) -> None:
    """`tid` is another system's number here."""
    labels, _ = read(tmp_path, "tid,ref,fraud\n7,p1,yes\n", transaction_id="ref")

    assert ["p1"] == [label.transaction_id for label in labels]


def test_bad_rows_are_told_with_line_and_reason(tmp_path: Path) -> None:
    """And the good ones are read."""
    text = "transaction_id,fraud,known_at\np1,maybe,\n,yes,\np3,yes,2020-09-99\np4,yes,2021-01-01\np5,yes\np6,no,\n"
    labels, bad = read(tmp_path, text)

    assert ["p6"] == [label.transaction_id for label in labels]
    assert [
        (2, "invalid-label"),
        (3, "no-id"),
        (4, "invalid-time"),
        (5, "future-time"),
        (6, "columns"),
    ] == bad


@pytest.mark.parametrize(
    ("text", "names", "said"),
    [
        (
            "id,fraud\n",
            {},
            "lacks transaction_id; it has id, fraud; name its columns with --column, e.g. --column transaction_id=id",
        ),
        ("tid,fraud\n", {"frauds": "fraud"}, "labels have no frauds; did you mean fraud"),
        ("tid,fraud\n", {"fraud": "frade"}, "has no frade; did you mean fraud"),
        ("", {}, "lacks transaction_id and fraud"),
    ],
)
def test_a_header_that_does_not_fit_is_one_sentence(
    text: str, names: dict[str, str], said: str, tmp_path: Path
) -> None:
    """With the near name, or the option that helps."""
    with pytest.raises(SetupError) as refused:
        read(tmp_path, text, **names)

    assert said.split(";")[0] in str(refused.value)
    assert all(part.strip() in str(refused.value) for part in said.split(";"))


def test_events_without_an_id_have_no_labels() -> None:
    """As in creditcard.csv."""
    with pytest.raises(SetupError, match="events of the type creditcard have no id"):
        require_ids(event_type_named("creditcard"))
    require_ids(event_type_named("card"))
