"""Every record batch is read: by aiokafka if it can, and else each of its offsets says why not."""

import pytest
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.structs import ConsumerRecord, TopicPartition

from fraudstream.adapters.kafka.record_batches import Batches
from fraudstream.adapters.kafka.undecodable import Undecodable
from tests import segments

HERE = TopicPartition("t", 0)
AT_MS = 1_700_000_000_000
Record = ConsumerRecord[bytes, bytes]


def read(*raws: bytes, at: int = 0) -> tuple[list[Record], int]:
    """Return what a consumer gets of a fetch, and where it goes on."""
    records = PartitionRecords(HERE, Batches(b"".join(raws)), [], at, None, None, True, READ_COMMITTED)
    return list(records), records.next_fetch_offset


def shown(records: list[Record]) -> list[tuple[int, bytes | str | None]]:
    """Return offsets with values, or with why there are none."""
    return [
        (each.offset, each.value.why if isinstance(each.value, Undecodable) else each.value)
        for each in records
    ]


@pytest.mark.parametrize("codec", segments.CODECS)
def test_every_codec_is_read(codec: str) -> None:
    """Null values, empty ones and headers without a value too."""
    values = [b"a", b"", None, b"b" * 10_000]
    raw = segments.batch(5, values, AT_MS, codec, headers=[("n", None), ("n", b"\xff")])
    records, following = read(raw)

    assert [(5 + number, value) for number, value in enumerate(values)] == shown(records)
    assert {(("n", None), ("n", b"\xff"))} == {record.headers for record in records}
    assert {AT_MS} == {record.timestamp for record in records}
    assert 9 == following


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
def test_damaged_contents_are_undecodable_and_what_follows_is_read(codec: str) -> None:
    """A checksum that is right, and bytes that do not decompress."""
    damaged = segments.with_damaged_contents(segments.batch(0, [b"a", b"b"], AT_MS, codec))
    records, following = read(damaged, segments.batch(2, [b"c"], AT_MS))

    assert [0, 1, 2] == [record.offset for record in records]
    assert [True, True, False] == [isinstance(record.value, Undecodable) for record in records]
    assert (b"c", AT_MS) == (records[2].value, records[0].timestamp)
    assert 3 == following


def test_an_unknown_codec_is_undecodable() -> None:
    """As brokers of a later version might allow."""
    records, _ = read(segments.with_codec(segments.batch(0, [b"a", b"b"], AT_MS), 6))

    assert [(0, "UnsupportedCodecError: Unknown compression codec 0x06")] == shown(records)[:1]
    assert 2 == len(records)


def test_a_wrong_checksum_costs_the_whole_batch_and_nothing_after_it() -> None:
    """In the middle, and as the last of the log; its header is believed where the log agrees."""
    wrong = [segments.with_wrong_checksum(segments.batch(base, [b"a", b"b", b"c"], AT_MS)) for base in (1, 5)]
    records, following = read(
        segments.batch(0, [b"x"], AT_MS), wrong[0], segments.batch(4, [b"y"], AT_MS), wrong[1]
    )
    why = "the checksum of the record batch is wrong"

    assert [
        *[(0, b"x"), (1, why), (2, why), (3, why), (4, b"y")],
        *[(5, why), (6, why), (7, why)],
    ] == shown(records)
    assert 8 == following


def test_a_damaged_record_count_does_not_hide_the_batches_after_it() -> None:
    """A header that claims a billion records: the next batch says where this one ends, and without one only itself is lost."""
    raw = segments.batch(0, [b"a", b"b"], AT_MS)
    claims = raw[:23] + (1_000_000_000).to_bytes(4, "big") + raw[27:]

    assert [0, 1, 2] == [record.offset for record in read(claims, segments.batch(2, [b"c"], AT_MS))[0]]
    assert ([0], 1) == ([record.offset for record in read(claims)[0]], read(claims)[1])


def test_one_damaged_record_does_not_hide_the_others() -> None:
    """Its length is right and its contents are not."""
    raw = segments.batch(0, [b"first", b"second", b"third"], AT_MS)
    at = raw.index(b"second") - 1
    records, _ = read(segments.with_checksum(raw[:at] + b"\x7e" + raw[at + 1 :]))

    assert [(0, b"first"), (2, b"third")] == [each for each in shown(records) if each[0] != 1]
    assert isinstance(records[1].value, Undecodable)


def test_header_names_that_are_no_text_do_not_cost_a_payment_its_decision() -> None:
    """Kafka requires UTF-8 there, but some producers write other bytes."""
    raw = segments.batch(3, [b"a", b"b"], AT_MS, key=b"k", headers=[("name", b"v")])
    records, following = read(segments.with_headers_not_utf8(raw))

    assert [(3, b"a"), (4, b"b")] == shown(records)
    assert [(b"k", AT_MS, ())] * 2 == [(each.key, each.timestamp, each.headers) for each in records]
    assert 5 == following


@pytest.mark.parametrize(("magic", "timestamp_ms"), [(0, -1), (1, AT_MS)])
def test_old_formats_are_read(magic: int, timestamp_ms: int) -> None:
    """The oldest has no timestamps."""
    records, following = read(segments.legacy(7, b"a", AT_MS if magic else None, magic))

    assert [(7, b"a", timestamp_ms)] == [(each.offset, each.value, each.timestamp) for each in records]
    assert 8 == following


def test_a_batch_of_no_records_is_passed() -> None:
    """Compaction leaves such behind."""
    empty = segments.without_records(segments.batch(0, [b"a"], AT_MS))
    records, following = read(empty, segments.batch(1, [b"b"], AT_MS))

    assert [(1, b"b")] == shown(records)
    assert 2 == following
