"""Checks that an archive was written from the topics it is to continue with.

A recreated or restored topic has other records at the offsets that the archive holds or the group has committed: they
would look archived.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

import polars as pl
from aiokafka import TopicPartition

from fraudstream.adapters.archive.lake import Covered, Lake, LakeFile
from fraudstream.adapters.archive.objects import NoSuchObject
from fraudstream.adapters.kafka.partition_logs import PartitionLogs, Place, Record, Span
from fraudstream.adapters.kafka.undecodable import Undecodable
from fraudstream.domain.errors import SetupError

logger = logging.getLogger(__name__)

ID = "transaction_id"


class Feed(NamedTuple):
    """Where a topic's records go; `columns` makes rows of their values and offsets."""

    lake: Lake
    columns: Callable[[Sequence[bytes], Sequence[int]], pl.DataFrame]


class Held(NamedTuple):
    """What an archive has of each partition, and the offsets to start at where the group's committed ones are wrong."""

    covered: dict[TopicPartition, Covered]
    starts: dict[TopicPartition, int]


async def held(logs: PartitionLogs, feeds: Mapping[str, Feed], places: Collection[TopicPartition]) -> Held:
    """Compare archive and logs; raises SetupError if the archive has records of other logs.

    A partition that the archive has nothing of, or whose committed offset lies past its end, starts at its first record:
    that offset was committed for another archive or another log.
    """
    files: defaultdict[Place, list[LakeFile]] = defaultdict(list)
    for feed in feeds.values():
        for file in await feed.lake.files():
            files[file.stream].append(file)
    committed, spans = await logs.all_committed(places), await logs.spans(places)
    newest = {place: max(files[place], key=lambda file: file.last) for place in places if files[place]}
    _require_ends(newest, spans)
    await _require_same(logs, feeds, newest, spans)
    covered: dict[TopicPartition, Covered] = {place: {} for place in places}
    starts = {}
    for place in places:
        for file in files[place]:
            covered[place].setdefault(file.day, []).append((file.first, file.last))
        (begin, end), offset = spans[place], committed[place] or 0
        if offset > end or (offset > begin and not files[place]):
            starts[place] = begin
            logger.warning(
                "the archivers' group has archived %s, partition %s up to offset %s, but %s: archiving starts at its first record",
                *(*place, offset),
                f"the log ends at {end}" if offset > end else "this archive has nothing of it",
            )
    return Held(covered, starts)


def _require_ends(newest: Mapping[TopicPartition, LakeFile], spans: Mapping[Place, Span]) -> None:
    for (topic, partition), file in newest.items():
        if file.last >= spans[topic, partition].end:
            raise _foreign(
                f"the archive has {file.name}, but partition {partition} of {topic} ends before its offsets"
            )


async def _require_same(
    logs: PartitionLogs,
    feeds: Mapping[str, Feed],
    newest: Mapping[TopicPartition, LakeFile],
    spans: Mapping[Place, Span],
) -> None:
    """Raise SetupError if the log has another record at a partition's last archived offset; it may have none there."""
    kept = {place: file.last for place, file in newest.items() if file.last >= spans[place].begin}
    for place, record in (await logs.first_records(kept)).items():
        topic, partition = place
        if record.offset == kept[place] and await _differs(feeds[topic], newest[place], record):
            raise _foreign(
                f"at offset {record.offset} of {topic}, partition {partition}, the archive has another record than the log"
            )


async def _differs(feed: Feed, file: LakeFile, record: Record) -> bool:
    """Tell whether a file's last row is another record; False if the record is damaged or the file was just merged."""
    if isinstance(record.value, Undecodable):
        return False
    try:
        archived = await feed.lake.read(file)
    except NoSuchObject:
        return False
    return bool(archived[ID][-1] != feed.columns([record.value or b""], [record.offset])[ID][0])


def _foreign(what: str) -> SetupError:
    return SetupError(f"{what}: the topic was recreated; archive to another place (FRAUDSTREAM_ARCHIVE)")
