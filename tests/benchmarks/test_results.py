"""What is made of the measurements: medians, ratios, alarms, the clock of the load, and the table in the docs."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.latency import Latency
from benchmarks.load import Load, transaction_id
from benchmarks.peers.marks import Marks
from benchmarks.plan import QUICK
from benchmarks.report import BEGIN, END, checks, write_docs
from benchmarks.results import Results
from benchmarks.throughput import Answer, Cold, Pace, Race


def race(events_per_s: float, answers: dict[str, Answer] | None = None, **more: Any) -> Race:
    """Return a race of one or two payments."""
    answers = {"1": Answer(1, "approve"), "2": Answer(2, "approve")} if answers is None else answers
    return Race(2, events_per_s, 10.0, 100.0, answers, **more)


def results(ours: list[Race], quix: list[Race], missing: int = 0) -> Results:
    """Return what a run with these races found."""
    load = Latency(1000, 10, missing, 1.0, 2.0, 3.0, 4.0, 0.1, 0.5)
    return Results(QUICK, {"cpu": "2 cores"}, {"fraudstream": ours, "quix": quix}, {"fraudstream": [load]})


def test_throughput_is_the_median_of_the_repetitions() -> None:
    """One slow or lucky repetition changes nothing."""
    found = results([race(10), race(50_000), race(90_000)], [race(4_000), race(5_000), race(9_000)]).to_json()

    assert {"fraudstream": 50_000, "quix": 5_000} == found["events_per_s"]
    assert 10.0 == found["ratio_quix"]
    assert {"1000": {"p50": 1.0, "p99": 2.0, "p999": 3.0}} == found["latency_ms"]


def test_a_good_run_has_no_problems() -> None:
    """All decided, nothing refused, same counts."""
    assert [] == results([race(1)], [race(1)]).problems()


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (results([race(1, {"1": Answer(1, "approve")})], []), "fraudstream decided 1 of 2 payments"),
        (results([race(1)], [race(1, {})]), "quix decided 0 of 2 payments"),
        (results([race(1, dead_letters=3)], []), "fraudstream refused 3 valid payments"),
        (results([race(1)], [], missing=7), "fraudstream left 7 payments undecided at 1000/s"),
        (
            results([race(1)], [race(1, {"1": Answer(1, "approve"), "2": Answer(3, "approve")})]),
            "fraudstream and quix decided 1 payments differently: ['2']",
        ),
        (
            results([race(1)], [race(1, {"1": Answer(1, "review"), "2": Answer(2, "approve")})]),
            "fraudstream and quix decided 1 payments differently: ['1']",
        ),
    ],
)
def test_what_makes_the_figures_worthless_is_said(found: Results, said: str) -> None:
    """The speed of a program that loses or miscounts payments means nothing."""
    assert any(said in problem for problem in found.problems())


@pytest.mark.parametrize("peer", ["kafka_streams", "flink"])
def test_a_peer_in_java_is_compared_by_cpu_cold_and_warm(peer: str) -> None:
    """It has a just-in-time compiler: how it compares depends on how long it has run."""
    ours = Race(2, 1, 20.0, 100.0, race(1).answers, warm=Pace(9, 10.0), cold=Cold(2.0, 1.0))
    theirs = Race(2, 1, 50.0, 100.0, race(1).answers, warm=Pace(9, 12.0), cold=Cold(4.0, 6.0))
    found = Results(QUICK, {}, {"fraudstream": [ours], peer: [theirs]}, {}).to_json()

    assert 2.5 == found[f"ratio_{peer}"]
    assert 1.2 == found[f"ratio_{peer}_warm"]
    assert 50.0 == found["cpu_us_per_event"][peer]
    assert {"seconds": 4.0, "cpu_s": 6.0} == found["cold"][peer]
    assert 2 == found[f"compared_{peer}"]


def test_the_json_has_cpu_and_latency_for_every_rate_and_contestant() -> None:
    """The keys are an interface: scripts read them by contestant and by rate."""
    load = Latency(20, 10, 0, 1.0, 2.0, 3.0, 4.0, 0.1, 0.05)
    loads = {name: [load] for name in ("fraudstream", "kafka_streams", "flink", "quix")}
    found = Results(QUICK, {}, {}, loads, idle={"fraudstream": 0.004, "floor": 0.01}).to_json()

    assert {"fraudstream": 0.004, "floor": 0.01} == found["idle_cpu_share"]
    assert {name: {"20": 0.05} for name in loads} == found["cpu_share"]
    for key in ("latency_ms", "latency_ms_kafka_streams", "latency_ms_flink", "latency_ms_quix"):
        assert {"20": {"p50": 1.0, "p99": 2.0, "p999": 3.0}} == found[key]
    assert found["ratio_kafka_streams"] is None
    assert found["loads"]["quix"][0]["lookup_p99"] is None
    json.dumps(found, allow_nan=False)


def test_the_outcome_of_a_decision_without_its_week_is_not_compared() -> None:
    """The worker decides without the week when it does not come in time; a peer with a map in memory always has it."""
    without = Answer(1, "approve", without_week=True)

    assert without.agrees(Answer(1, "review"))
    assert not without.agrees(Answer(2, "review"))


def test_a_contestant_that_is_left_out_is_named_with_the_reason() -> None:
    """One that cannot be built is missing from the tables, and the reason stands below them."""
    found = Results(QUICK, {}, {}, {}, left_out={"kafka_streams": "Maven (mvn) is not on the search path"})

    assert "Kafka Streams is left out: Maven (mvn) is not on the search path." in checks(found)
    assert {"kafka_streams": "Maven (mvn) is not on the search path"} == found.to_json()["left_out"]


def test_latency_counts_from_the_scheduled_time() -> None:
    """A generator or worker that stalls cannot hide it: what was sent late was still due when it was due."""
    load = Load([], [], rate=10)
    load.due_s = np.array([0.0, 0.1, 0.2])
    load.sent_s = np.array([0.0, 0.5, 0.5])
    load.read_s = np.array([9.0, 0.6, 0.6])

    found = load.summary(warmup_s=0.1)

    assert 2 == found["measured"]
    assert pytest.approx(500) == found["max"]
    assert pytest.approx(450) == found["p50"]


def test_the_id_of_a_decision_is_found_with_and_without_spaces() -> None:
    """The two contestants write their JSON with different libraries."""
    assert b"17" == transaction_id(b'{"transaction_id":"17","card":"x"}')
    assert b"17" == transaction_id(b'{"transaction_id": "17", "card": "x"}')


def test_marks_are_printed_once_each(capsys: pytest.CaptureFixture[str]) -> None:
    """A reader that jumps over a mark prints once, at the count it has reached."""
    marks = Marks(100)
    for count in (1, 2, 5, 31, 34, 95, 100):
        if count >= marks.next:
            marks.reached(count)

    assert ["1", "5", "31", "95", "100"] == [line.split()[1] for line in capsys.readouterr().out.splitlines()]


def test_the_docs_get_a_new_table_and_keep_their_text(tmp_path: Path) -> None:
    """Only the text between the markers is replaced, also when it is repeated."""
    page = tmp_path / "benchmarks.md"
    page.write_text(f"before\n{BEGIN}\nold table\n{END}\nafter\n")
    for _ in range(2):
        write_docs(results([race(50_000)], [race(5_000)]), page)
    text = page.read_text()

    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old table" not in text
    assert 1 == text.count("| Quix Streams, the same job | 5,000 |")
