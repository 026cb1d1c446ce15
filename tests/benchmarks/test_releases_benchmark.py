"""The benchmark of releases runs, small: it switches under load, kills the worker around a switch, and stops a canary."""

from pathlib import Path

from tests.benchmarks.running import printed


def test_nothing_is_lost_or_unequal_and_the_canary_is_stopped(tmp_path: Path) -> None:
    """Its last line is what a script reads."""
    given = ("--rate", "100", "--seconds", "3", "--switches", "1", "--kills", "1", "--turns", "1")

    found, _ = printed("benchmarks.releases", *given, "--data", str(tmp_path), timeout_s=500)

    swapped = found["swap"]
    assert (0, 0, 1, 1) == tuple(swapped[name] for name in ("lost", "unequal", "switches", "kills"))
    assert swapped["payments"] > 100 * 3 * 2
    assert swapped["p99_ms"] > 0 < swapped["p99_without_ms"]
    assert 2 == len(swapped["each_ms"])
    assert found["canary_stopped"] is True
