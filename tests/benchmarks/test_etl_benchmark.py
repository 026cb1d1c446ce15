"""The benchmark of `fraudstream etl` runs, small."""

from tests.benchmarks.running import printed


def test_a_raw_file_with_bad_rows_is_made_and_measured() -> None:
    """About a tenth is rejected; all rows are accounted for, which the benchmark checks."""
    figures, text = printed("benchmarks.etl", "--rows", "30000", "--garbage", "0.1", timeout_s=240)

    assert 1 == len(text.splitlines())
    assert 30_000 == figures["rows"]
    assert 2_000 < figures["rejected"] < 4_000
    assert figures["peak_mb"] > 0
