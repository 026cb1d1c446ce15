"""The comparison finds every difference."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from aiokafka.structs import ConsumerRecord

from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import FraudstreamError
from fraudstream.parity.expected import Expected
from fraudstream.parity.payments import made_up
from fraudstream.parity.published import Published
from fraudstream.parity.report import Report, compared
from tests.builders import CountingModel

PARTITIONS, ALLOWED_LATENESS_MS = 4, 3_600_000


@pytest.fixture(scope="module")
def stream() -> pl.DataFrame:
    """Return a small stream with everything in it."""
    return made_up(2_000, 3, event_type_named("card"))


@pytest.fixture(scope="module")
def expected(stream: pl.DataFrame) -> Expected:
    """Return what batch says of it."""
    return Expected.of(stream, CountingModel(), PARTITIONS, ALLOWED_LATENESS_MS, event_type_named("card"))


def decision(expected: Expected, row: int, **other: float) -> ConsumerRecord[bytes, bytes]:
    """Return the decision a worker would publish on a payment, or one with another value."""
    values = dict(zip(expected.names, expected.values[row].tolist(), strict=True)) | other
    place = {"partition": int(expected.partition[row]), "offset": int(expected.offset[row])}
    probability = values.pop("probability")
    value = json.dumps({"features": values, "probability": probability, "source": place}).encode()
    return ConsumerRecord("decisions", 0, row, 0, 0, b"", value, None, 0, len(value), [])


def report(stream: pl.DataFrame, expected: Expected, records: list[ConsumerRecord[bytes, bytes]]) -> Report:
    """Compare these decisions with the batch path."""
    published = Published(expected)
    published.add(records)
    return compared(stream, expected, published)


def all_decided(expected: Expected) -> list[int]:
    """Return the rows that have a decision."""
    return np.flatnonzero(expected.decided).tolist()


def test_equal_values_are_equal(stream: pl.DataFrame, expected: Expected) -> None:
    """A number survives JSON to the last bit."""
    rows = all_decided(expected)
    found = report(stream, expected, [decision(expected, row) for row in rows])

    assert Report(len(rows), len(rows) * len(expected.names), 0, 0, 0, ()) == found
    assert found.equal


def test_a_single_bit_is_found_and_named(stream: pl.DataFrame, expected: Expected) -> None:
    """The report says which payment, which feature, and both values."""
    rows = all_decided(expected)
    wrong = next(row for row in rows if expected.values[row, expected.names.index("amt_ratio2")] > 0)
    right = float(expected.values[wrong, expected.names.index("amt_ratio2")])
    nearly = float(np.nextafter(right, 2 * right))
    records = [decision(expected, row, **({"amt_ratio2": nearly} if row == wrong else {})) for row in rows]

    found = report(stream, expected, records)

    assert 1 == found.differing
    assert not found.equal
    (first,) = found.first
    assert (stream["tid"][wrong], "amt_ratio2") == (first.transaction_id, first.name)
    assert f"amt_ratio2 is {nearly!r} in the stream and {right!r} in batch" in str(first)


def test_missing_and_unexpected_decisions_are_counted(stream: pl.DataFrame, expected: Expected) -> None:
    """No decision is a difference, and so is one on a payment that contradicts another."""
    rows = all_decided(expected)
    contradicted = int(np.flatnonzero(~expected.decided)[0])
    found = report(stream, expected, [decision(expected, row) for row in [*rows[3:], contradicted]])

    assert (3, 1, 0) == (found.missing, found.unexpected, found.differing)
    assert not found.equal


def test_another_model_is_an_error_and_not_a_difference(expected: Expected) -> None:
    """Comparing different features would prove nothing."""
    row = all_decided(expected)[0]

    with pytest.raises(FraudstreamError, match="publishes the features"):
        Published(expected).add([decision(expected, row, another=1.0)])


def test_the_made_up_stream_holds_what_it_promises(stream: pl.DataFrame, expected: Expected) -> None:
    """Ties on a card, disorder, payments beyond the allowed lateness, refunds, repeated and contradicted ids."""
    paid = stream.with_columns(newest=pl.col("event_time").cum_max())
    late_by_ms = paid["newest"] - paid["event_time"]
    ids = stream.group_by("tid").agg(pl.len(), amounts=pl.col("amount").n_unique())

    assert stream.height > stream.select("cc_num", "event_time").n_unique()
    assert 100 < (late_by_ms > 0).sum()
    assert 5 < (late_by_ms > ALLOWED_LATENESS_MS).sum()
    assert 30 < (stream["amount"] < 0).sum() < 100
    assert 60 == ids.filter(pl.col("len") > 1, amounts=1).height
    assert 6 == ids.filter(pl.col("amounts") > 1).height == (~expected.decided).sum()
    assert made_up(2_000, 3, event_type_named("card")).equals(stream)


def test_a_history_is_replayed_as_it_is(tmp_path: Path) -> None:
    """In the order of its files, as many payments as asked for."""
    from fraudstream.adapters.event_types import event_type_named
    from fraudstream.parity.payments import of_history

    for day, tid in (("2020-02-04", 3), ("2020-02-03", 1)):
        folder = tmp_path / f"date={day}"
        folder.mkdir()
        columns = {"cc_num": [4_006_080_000_000_000] * 2, "amount": [1.0, 2.0], "event_time": [tid, tid + 1]}
        texts = {"merchant": ["a", "b"], "zip_code": ["c", "d"], "tid": [tid, tid + 1]}
        pl.DataFrame({**columns, **texts}).write_parquet(folder / "payments.parquet")

    assert ["1", "2", "3"] == of_history(tmp_path, event_type_named("card"), 3)["tid"].to_list()
