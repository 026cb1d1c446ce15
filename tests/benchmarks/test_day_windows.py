"""The benchmark of windows of a day runs, small."""

from tests.benchmarks.running import printed

ENTRY_BYTES = 40


def test_a_day_of_every_entity_is_in_its_window_and_on_disk() -> None:
    """Each event finds all of its entity's day; every one of them is kept."""
    figures, text = printed("benchmarks.day_windows", "--entities", "500", "--events", "6", timeout_s=120)

    assert 1 == len(text.splitlines())
    assert (500, 3000, 6) == (figures["entities"], figures["events"], figures["entries"])
    assert figures["disk_mb"] >= 3000 * ENTRY_BYTES / 1e6 / 2  # compressed, or not
    assert figures["cpu_us_per_event"] > 0
    assert figures["rss_mb"] > 0
