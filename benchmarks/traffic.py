"""The payments of a run: drawn from the simulated world and written as `fraudstream produce` writes them."""

from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

import polars as pl

from fraudstream.domain.tokens import partition_of


class Record(NamedTuple):
    """One record of the topic `transactions`."""

    key: bytes | None
    value: bytes
    partition: int


FIELDS = ("tid", "cc_num", "amount", "trans_ts", "merchant", "zip_code")


def payments_of(history: Path, first_day: date, days: int, skip: int, count: int) -> pl.DataFrame:
    """Return `count` payments in order of arrival, starting `skip` payments after a day's midnight."""
    files = [
        path
        for number in range(days)
        for path in sorted((history / f"date={first_day + timedelta(days=number)}").glob("*.parquet"))
    ]
    rows = pl.scan_parquet(files, hive_partitioning=False).slice(skip, count).collect()
    if rows.height < count:
        raise ValueError(f"the world has {rows.height} payments after number {skip}, not {count}")
    return rows.with_columns(trans_ts=pl.col("event_time") / 1000)


def records_of(payments: pl.DataFrame, partitions: int) -> list[Record]:
    """Return payments as keyed JSON, each on the partition Kafka's own partitioner names."""
    values = payments.select(pl.struct(FIELDS).struct.json_encode().cast(pl.Binary)).to_series()
    numbers = payments["cc_num"].cast(pl.String)
    homes = {number: partition_of(number, partitions) for number in numbers.unique()}
    return [
        Record(number.encode(), value, homes[number]) for number, value in zip(numbers, values, strict=True)
    ]


def without_keys(records: list[Record], partitions: int) -> list[Record]:
    """Return records as a producer without keys sends them: over all partitions, whatever the card."""
    return [record._replace(key=None, partition=number % partitions) for number, record in enumerate(records)]
