"""Of several labels of an event, the latest known one counts."""

from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.labels import Label, archived_labels, encode, newest

LABELS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([True, False, None]), st.integers(0, 9)), max_size=30
)


def test_a_chargeback_takes_a_review_back_once_it_is_known() -> None:
    """Tuesday's review said legitimate, Friday's chargeback says fraud; an undecided look on Saturday leaves it open."""
    tuesday, friday, saturday = 2, 5, 6
    told = [
        Label("p1", False, tuesday, "review"),
        Label("p1", True, friday, "chargeback"),
        Label("p1", None, saturday, "review", "the customer does not answer"),
    ]
    labels = archived_labels([encode(label) for label in told], [0, 1, 2])
    seen = [newest(labels, day)["is_fraud"].to_list() for day in (1, tuesday, friday, saturday)]

    assert [[], [False], [True], [None]] == seen
    assert ["the customer does not answer"] == labels["note"].to_list()[2:]


@given(LABELS, st.none() | st.integers(0, 9))
def test_the_label_that_counts_is_that_of_going_through_them_in_order(
    told: list[tuple[str, bool | None, int]], until: int | None
) -> None:
    """By time, then by offset: a dictionary that each known label overwrites."""
    labels = archived_labels([encode(Label(*each)) for each in told], list(range(len(told))))
    expected: dict[str, bool | None] = {}
    for _, (tid, fraud, known_at) in sorted(enumerate(told), key=lambda each: (each[1][2], each[0])):
        if until is None or known_at <= until:
            expected[tid] = fraud

    counted = newest(labels, until)

    assert expected == dict(zip(counted["transaction_id"], counted["is_fraud"], strict=True))


def test_records_that_are_not_labels_are_left_out() -> None:
    """Others may write the topic; a source that nobody knows makes no label either."""
    good = encode(Label("p1", True, 5))
    strange = b'{"transaction_id": "p2", "fraud": true, "known_at": 5, "source": "rumour"}'
    labels = archived_labels([b"not json", good, b'{"fraud": true}', strange], [0, 1, 2, 3])

    assert [("p1", 1)] == labels.select("transaction_id", "label_offset").rows()
