"""The benchmark of searches, over few payments."""

from benchmarks.search import search_10m


def test_every_search_is_measured() -> None:
    """Over the same days and partitions as ten million."""
    seconds = search_10m(12_000)

    assert {"a card that never occurs", "a merchant that never occurs", "a rare variable"} < set(seconds)
    assert all(took > 0 for took in seconds.values())
