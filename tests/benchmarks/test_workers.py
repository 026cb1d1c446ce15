"""What is made of runs of several workers: medians, payments per CPU second, the cost of repartitioning, alarms."""

import pytest

from benchmarks.plan import QUICK
from benchmarks.report import checks, worker_rows
from benchmarks.results import Results
from benchmarks.traffic import Record, without_keys
from benchmarks.workers import Team, figures, kinds, repartition_cost


def team(worker_us: float, decided: int = 4, repartitioned: int = 0) -> Team:
    """Return a run of four payments."""
    return Team(4, decided, 0, 1_000.0, worker_us, 10.0, 400.0, 0.5, 1.5, repartitioned)


def results(teams: dict[str, list[Team]]) -> Results:
    """Return what a run with these workers found."""
    return Results(QUICK, {}, {}, {}, teams=teams)


def test_what_a_cpu_second_decides_is_from_the_median_of_the_repetitions() -> None:
    """20 µs a payment are 50,000 payments in a second of CPU; the broker's 10 µs are 100,000."""
    found = figures({"2": [team(10), team(20), team(90)]})["2"]

    assert 20 == found["worker_cpu_us_per_event"]
    assert 50_000 == found["events_per_cpu_s"]
    assert 100_000 == found["events_per_broker_cpu_s"]


def test_repartitioning_costs_what_it_adds_divided_by_the_share_that_needs_it() -> None:
    """Three of four payments are repartitioned, and all together cost 60 % more: 0.8 of a decision each."""
    teams = {"1": [team(20)], "unkeyed": [team(32, repartitioned=3)]}

    assert 0.8 == repartition_cost(teams)
    assert 0.8 == results(teams).to_json()["repartition_cost"]


@pytest.mark.parametrize("teams", [{}, {"1": [team(20)]}, {"1": [team(20)], "unkeyed": [team(30)]}])
def test_without_both_runs_the_cost_is_unknown(teams: dict[str, list[Team]]) -> None:
    """Nothing was measured, or nothing was repartitioned."""
    assert repartition_cost(teams) is None


def test_workers_that_lost_a_payment_are_a_problem() -> None:
    """A group that loses payments has no speed."""
    found = results({"2": [team(20), team(20, decided=3)]})

    assert ["workers (2) decided 3 of 4 payments"] == found.problems()
    assert checks(found).startswith("WRONG")


def test_the_table_has_a_row_for_each_kind() -> None:
    """With the title of the kind, not its name."""
    heading, *rows = worker_rows(results({kind.name: [team(20)] for kind in kinds((1, 2))}))

    assert ["1 worker", "2 workers", "1 worker, joined by another", "1 worker, payments without keys"] == [
        row[0] for row in rows
    ]
    assert all(len(heading) == len(row) for row in rows)


def test_payments_without_keys_are_spread_over_all_partitions() -> None:
    """As a producer without keys does it, whatever the card."""
    records = [Record(b"4", b"{}", 3)] * 5

    assert [Record(None, b"{}", number) for number in (0, 1, 2, 0, 1)] == without_keys(records, 3)
