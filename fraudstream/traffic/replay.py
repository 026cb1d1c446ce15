"""Runs a replay from start to end: opens the file, reads the bookmark, sends, saves the bookmark."""

import time
from collections.abc import Sequence
from pathlib import Path

from fraudstream import topics
from fraudstream.adapters.event_types import event_type_named
from fraudstream.domain.errors import SetupError
from fraudstream.offline.csv_rows import UTF_8, BadRow
from fraudstream.settings import Settings
from fraudstream.traffic.csv_file import AS_IT_IS, CsvColumns, read_csv
from fraudstream.traffic.encoder import Encoder
from fraudstream.traffic.payments import Frame, ParquetFiles
from fraudstream.traffic.plan import Plan, batches, check_times, prepared
from fraudstream.traffic.resume import Bookmark, Keeper, check_same_replay, read_bookmark
from fraudstream.traffic.session import send_until_told
from fraudstream.traffic.tally import Tally


def opened(
    path: Path, settings: Settings, encoding: str = UTF_8, columns: CsvColumns = AS_IT_IS
) -> tuple[ParquetFiles | Frame, Sequence[BadRow]]:
    """Return the payments of a history directory, a Parquet file or a CSV file, and a CSV file's bad rows.

    Raises SetupError if column names are given for a file that is not CSV.
    """
    if path.suffix.lower() == ".csv":
        return read_csv(path, event_type_named(settings.event_type), encoding, columns)
    if columns.names:
        raise SetupError(
            "--column is for CSV files only; convert other files to a history with: fraudstream history import"
        )
    return ParquetFiles.of(path, event_type_named(settings.event_type)), ()


async def replay(
    settings: Settings,
    source: ParquetFiles | Frame,
    plan: Plan,
    tally: Tally,
    *,
    keyed: bool,
    bookmark_path: Path | None,
) -> int:
    """Send what is left of a replay; return how many payments were left when it began.

    A signal, or a payment that Kafka refuses, ends it early: then tally.sent is lower than that.
    """
    now_ms = time.time_ns() // 1_000_000
    event_type = event_type_named(settings.event_type)
    if plan.labels and event_type.id is None:
        raise SetupError(
            f"events of the type {event_type.name} have no id, so labels cannot refer to them; leave out --labels"
        )
    payments = prepared(source, plan)
    topic = settings.topic(topics.TRANSACTIONS.name)
    bookmark = Bookmark(payments.fingerprint, plan.order, topic, keyed, plan.shift_ms(payments, now_ms))
    found = read_bookmark(bookmark_path) if bookmark_path else None
    if found and bookmark_path:
        check_same_replay(found, bookmark, bookmark_path)
        bookmark = found
    check_times(plan, payments, bookmark.shift_ms, now_ms, settings.future_tolerance_s * 1000)
    start = bookmark.acknowledged
    encoder = Encoder(event_type, settings.partitions, keyed=keyed)
    with Keeper(bookmark, bookmark_path) as keeper:
        await send_until_told(
            settings,
            batches(payments, plan, encoder, bookmark.shift_ms, start),
            tally,
            what=f"replaying from payment {start + 1:,}" if start else "replaying",
            total=payments.rows - start,
            on_acknowledged=keeper.add,
            stop_on_error=True,
        )
    return payments.rows - start
