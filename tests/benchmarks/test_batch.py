"""The batch benchmark runs, small, and its engines agree."""

import pytest

from tests.benchmarks.running import printed


@pytest.mark.timeout(280)
def test_every_step_is_timed_weighed_and_agrees() -> None:
    """Each runs in its own process; the last line is for scripts."""
    size = ["--cards", "2000", "--days", "10", "--payments", "100000", "--weekly-cards", "5000"]
    steps, text = printed("benchmarks.batch", *size, timeout_s=270)

    assert {"generate", "night", "dataset", "train", "evaluate"} < set(steps)
    assert all(step["seconds"] > 0 and step["peak_mb"] > 20 for step in steps.values())
    assert 100_000 == steps["aggregate-spark"]["payments"] == steps["dataset"]["rows"]
    assert steps["aggregate-duckdb"]["rows_sha256"] == steps["aggregate-spark"]["rows_sha256"]
    assert 0 < steps["weekly-disk"]["lookup_p50_ms"] <= steps["weekly-disk"]["lookup_p99_ms"]
    assert "equal rows" in text
