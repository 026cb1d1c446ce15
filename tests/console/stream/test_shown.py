"""What people see of a record."""

import pytest
from aiokafka.structs import ConsumerRecord

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.console.stream.shown import Place, Records, ShownRecord
from fraudstream.settings import Settings

CARD = "4006080197832643"


async def shown(
    topic: topics.Topic, value: bytes | None, key: bytes | None = None, headers: object = ()
) -> ShownRecord:
    """Return what is shown of a record."""
    size = -1 if value is None else len(value)
    record = ConsumerRecord(topic.name, 0, 7, 1_580_688_000_000, 0, key, value, None, 0, size, headers)
    return await Records(Settings(_env_file=None), event_type_named("card")).shown(topic, record)


@pytest.mark.parametrize("topic", [topics.TRANSACTIONS, topics.REPARTITIONED, topics.LABELS, topics.LISTS])
async def test_what_others_have_sent_is_masked(topic: topics.Topic) -> None:
    """Value, key and headers; the times of payments stay."""
    found = await shown(
        topic,
        b'{"cc_num":%s,"trans_ts":1580687999}' % CARD.encode(),
        CARD.encode(),
        [("card", CARD.encode())],
    )

    assert CARD not in str(found)
    assert '{\n  "cc_num": ***,\n  "trans_ts": 1580687999\n}' == found.text
    assert ("***", [("card", "***")]) == (found.key, found.headers)


async def test_a_decision_is_shown_as_it_is_and_leads_to_its_source() -> None:
    """Its token may have many digits in a row."""
    value = b'{"card":"00000000000000000000000000000001","source":{"topic":"t","partition":1,"offset":2}}'
    found = await shown(topics.DECISIONS, value, b"00000000000000000000000000000001")

    assert '"card": "00000000000000000000000000000001"' in found.text
    assert (Place("t", 1, 2), "00000000000000000000000000000001") == (found.source, found.key)


@pytest.mark.parametrize(
    ("value", "note"),
    [
        (None, "is deleted"),
        (b"\x1f\x8b\x08\x00", "4 bytes that are not text and look like gzip"),
        (b"\xff\xfe\x00", "are not text"),
        (b'"' + b"x" * 50_000 + b'"', "the first 20,000 characters"),
        (b"no json", ""),
        (b"[" * 5_000, ""),
    ],
)
async def test_odd_values_are_described(value: bytes | None, note: str) -> None:
    """Nothing of them is a surprise to a browser."""
    found = await shown(topics.DECISIONS, value)

    assert note in found.note
    assert len(found.text) <= 20_000
