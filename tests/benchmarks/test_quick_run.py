"""The benchmark itself runs, end to end, and proves that all contestants did their whole job."""

from importlib.util import find_spec
from typing import Any

import pytest

from benchmarks.peers.java.program import CannotBuild, find_jdk, find_maven
from benchmarks.plan import QUICK
from benchmarks.session import CONTESTANTS
from tests.benchmarks.running import printed

TIMEOUT_S = 880
"""On a slow machine, with Maven's downloads before it."""


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Run all contestants once; return the object on the last line."""
    if find_spec("quixstreams") is None:
        pytest.skip("the peer is not installed: pip install fraudstream[bench]")
    data_dir = tmp_path_factory.mktemp("benchmark")
    found, _ = printed("benchmarks", "--quick", "--data-dir", str(data_dir), timeout_s=TIMEOUT_S)
    return found


@pytest.mark.timeout(TIMEOUT_S + 20)
@pytest.mark.kafka
def test_all_contestants_did_their_whole_job(answer: dict[str, Any]) -> None:
    """Every payment was decided by those that decide; the two that read were waited for until the last event."""
    contestants = set(CONTESTANTS) - set(answer["left_out"])

    assert contestants == {name for name, speed in answer["events_per_s"].items() if speed > 0}
    assert contestants == {name for name, cost in answer["cpu_us_per_event"].items() if cost > 0}
    assert dict.fromkeys(contestants - {"noop_agent", "floor"}, 0) == answer["missing"]


@pytest.mark.kafka
def test_the_worker_and_its_peer_count_the_same_ten_minutes(answer: dict[str, Any]) -> None:
    """A ratio between two programs is worth something only if they do the same job."""
    assert QUICK.backlog["quix"] == answer["compared"]
    assert 0 == answer["disagreements"]


@pytest.mark.kafka
def test_the_json_has_what_scripts_read(answer: dict[str, Any]) -> None:
    """The keys of the last line are an interface; latencies grow with the percentile."""
    ratio = answer["events_per_s"]["fraudstream"] / answer["events_per_s"]["quix"]

    assert pytest.approx(ratio, rel=0.02, abs=0.06) == answer["ratio_quix"]
    assert ["20", "1000", "5000"] == list(answer["latency_ms"])
    for percentiles in answer["latency_ms"].values():
        assert 0 < percentiles["p50"] <= percentiles["p99"] <= percentiles["p999"]


@pytest.mark.kafka
def test_several_workers_decide_a_backlog_together(answer: dict[str, Any]) -> None:
    """Two at once, one that another joins, and one with payments without keys: all is decided, and what it cost is told."""
    found = answer["workers"]

    assert ["1", "2", "joined", "unkeyed"] == list(found)
    assert all(figures["events_per_s"] > 0 for figures in found.values())
    assert 0 == found["1"]["repartitioned"] < found["unkeyed"]["repartitioned"]


@pytest.mark.parametrize(("peer", "rates"), [("kafka_streams", ["20", "200"]), ("flink", ["200"])])
@pytest.mark.kafka
def test_a_peer_in_java_decides_every_payment_as_the_worker_does(
    answer: dict[str, Any], peer: str, rates: list[str]
) -> None:
    """Built by Maven from the source in this repository; every count and outcome is compared, and the JSON has its figures."""
    try:
        find_maven(), find_jdk()
    except CannotBuild as error:
        pytest.skip(f"{peer} cannot be built: {error}")
    both = {"fraudstream", peer}

    assert {} == answer["left_out"]
    assert QUICK.backlog[peer] == answer[f"compared_{peer}"]
    assert both <= set(answer["idle_cpu_share"]) & set(answer["cold"]) & set(answer["warm"])
    assert rates == list(answer[f"latency_ms_{peer}"]) == list(answer["cpu_share"][peer])
    assert answer[f"ratio_{peer}"] > 0
