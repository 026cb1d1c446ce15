"""`python -m benchmarks.search`: how long the first page of a search takes over ten million archived payments.

The archive is generated, a gigabyte on disk, and removed at the end. What is asked includes the worst cases: what occurs in no file,
which all have to be looked at, and a card whose payments lie in as many files as a page has lines.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import click

from benchmarks.search_world import FIRST_DAY_MS, write_archive
from fraudstream.adapters.archive.directory import LocalObjects
from fraudstream.adapters.archive.filters import Filter
from fraudstream.adapters.archive.lake import Lake
from fraudstream.adapters.archive.search import ArchiveQuery, find
from fraudstream.domain.times import HOUR_MS

PAYMENTS, PAGE, REPEATS = 10_000_000, 50, 3


async def queries(lake: Lake) -> Mapping[str, ArchiveQuery]:
    """Return what is asked, by what it is about; the oldest payment is the last that a search comes to."""
    (oldest,) = await find(lake, ArchiveQuery(limit=1, until_ms=FIRST_DAY_MS + HOUR_MS))
    written = {
        "an amount that never occurs": ["amount=1234.56"],
        "an amount and more": ["amount>=400", "amount<500"],
        "a merchant": [f"merchant={oldest['merchant']}"],
        "a merchant that never occurs": ["merchant=Shop 0012x"],
        "part of a name that never occurs": ["merchant~nowhere"],
        "blocked at a merchant": ["outcome=block", f"merchant={oldest['merchant']}"],
        "a rule": ["rules=likely-fraud"],
        "a rule that never held": ["rules=no-such-rule"],
        "part of a reason that never occurs": ["reasons~nowhere"],
        "a rare variable": ["voucher=spring"],
    }
    filtered = {
        what: ArchiveQuery(filters=tuple(map(Filter.written, texts)), limit=PAGE)
        for what, texts in written.items()
    }
    return filtered | {
        "everything": ArchiveQuery(limit=PAGE),
        "the oldest id": ArchiveQuery(oldest["transaction_id"], limit=PAGE),
        "an id that never occurs": ArchiveQuery("f" * 32, limit=PAGE),
        "a card": ArchiveQuery(card=oldest["card"], limit=PAGE),
        "a card that never occurs": ArchiveQuery(card="f" * 32, limit=PAGE),
    }


def search_10m(payments: int = PAYMENTS) -> dict[str, float]:
    """Return the seconds of each search's first page, the best of a few; the largest is `search_10m_s`."""
    with tempfile.TemporaryDirectory(prefix="fraudstream-search-") as directory:
        asyncio.run(write_archive(Path(directory), payments))
        return asyncio.run(_measured(Lake(LocalObjects(Path(directory)))))


async def _measured(lake: Lake) -> dict[str, float]:
    seconds = {}
    for what, query in (await queries(lake)).items():
        took = []
        for _ in range(REPEATS):
            started = time.perf_counter()
            await find(lake, query)
            took.append(time.perf_counter() - started)
        seconds[what] = round(min(took), 3)
    return seconds


@click.command()
@click.option("--payments", type=click.IntRange(min=1_000), default=PAYMENTS, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one line of JSON.")
def main(payments: int, as_json: bool) -> None:
    """Search a generated archive for what is frequent, rare and never there."""
    seconds = search_10m(payments)
    if as_json:
        click.echo(json.dumps({"search_10m_s": max(seconds.values()), "searches": seconds}))
        return
    for what, took in sorted(seconds.items(), key=lambda each: -each[1]):
        click.echo(f"{took:7.3f} s  {what}")


if __name__ == "__main__":
    main()
