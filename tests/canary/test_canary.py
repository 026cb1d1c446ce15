"""A card number is found in the input only; `make canary` checks the same for both ways to start a worker, with a history of its own."""

import asyncio
import shutil
from pathlib import Path

import pytest

from fraudstream.settings import Settings
from tests.canary.hunt import START_UPS, hunt, proven, total
from tests.canary.search import Needle
from tests.canary.world import canary_and_other

NUMBER = "4006080197832643"


@pytest.mark.parametrize(
    "data",
    [
        NUMBER.encode(),
        b"x4006 0801 9783 2643x",
        b"4006-0801-9783-2643",
        NUMBER.encode("utf-16"),
        int(NUMBER).to_bytes(8, "little"),
        int(NUMBER).to_bytes(8, "big"),
        b"4006.0801/9783_2643",
        b'"4006", "0801", "9783", "2643"',
        "4006\u00a00801\u20119783\u00a02643".encode(),
        rb"4006\u00a00801\u00a09783\n2643",
        rb"\u0034\u0030\u0030\u0036\u0030\u0038\u0030\u0031\u0039\u0037\u0038\u0033\u0032\u0036\u0034\u0033",
        b"cut off: 400608019783",
        b"cut off: 080197832643",
    ],
)
def test_the_search_finds_every_writing(data: bytes) -> None:
    """A search that finds nothing proves nothing."""
    assert 1 == Needle(NUMBER).hits(data)


def test_last_digits_and_other_numbers_are_no_hits() -> None:
    """Pages show the last digits of a card."""
    assert 0 == Needle(NUMBER).hits(b"**** **** **** 2643, 4006080000000000 and 1580515200250")


def test_a_card_number_is_nowhere_but_in_the_input(kafka_settings: Settings, small_world: Path) -> None:
    """Good payments and bad ones, topics, RocksDB, files, logs, pages and metrics."""
    shutil.copytree(small_world, kafka_settings.data_dir, ignore=shutil.ignore_patterns("state", "*.log"))
    places = asyncio.run(hunt(kafka_settings, *canary_and_other(kafka_settings), START_UPS[:1]))

    assert proven(places), places
    assert 0 == total(places), {name: place.examples for name, place in places.items() if place.hits}
