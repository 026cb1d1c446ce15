"""The model on paper: examples by hand, and what holds for every assumption."""

from dataclasses import astuple, replace

from hypothesis import given
from hypothesis import strategies as st

from fraudstream.sizing.assumptions import Assumptions
from fraudstream.sizing.model import DAY_S, TB, Sizing, sized

ROUND = Assumptions(
    payments_per_second=1_000,
    worker_payments_per_second=1_000,
    worker_load=0.5,
    worker_memory_mb=500,
    partitions_per_worker=2,
    alert_share=0.1,
    transaction_bytes=200,
    decision_bytes=1_000,
    alert_bytes=1_000,
    changelog_bytes=50,
    archive_row_bytes=100,
    state_bytes=50,
    state_s=1_000,
    replication=3,
    readers=2,
)
"""Round figures, so that the results can be worked out by hand."""

rates = st.floats(0, 1e7)


def numbers(found: Sizing) -> list[float]:
    """Return all figures, one after the other."""
    per_day, network = found.topic_bytes_per_day, found.network
    flat = [value for value in astuple(found) if isinstance(value, int | float)]
    return [*flat, *astuple(per_day), *astuple(network)]


def test_a_rate_is_divided_by_the_speed_that_is_used() -> None:
    """1,000 payments a second, and half of 1,000 a second for each worker."""
    found = sized(ROUND)

    assert 2 == found.workers
    assert 4 == found.partitions
    assert 1e9 == found.worker_memory_bytes
    assert 1_000 * 1_000 * 50 == found.state_bytes


def test_bytes_of_a_day_are_those_of_a_payment() -> None:
    """Each topic has its own record; the changelog and the archive have theirs."""
    found = sized(ROUND)

    assert (
        1_000 * DAY_S * 200,
        0,
        1_000 * DAY_S * 1_000,
        1_000 * DAY_S * 100,
        1_000 * DAY_S * 50,
    ) == astuple(found.topic_bytes_per_day)
    assert 1_000 * DAY_S * 100 == found.archive_bytes_per_day


def test_brokers_copy_what_is_written_and_send_it_to_those_who_read() -> None:
    """A payment leaves 1,350 bytes; two copies of it; workers read 200, two readers 2,000, one reader the alert's 100."""
    network = sized(ROUND).network

    assert 3 * 1_350_000 == network.brokers_in
    assert 2 * 1_350_000 + 200_000 + 2_100_000 == network.brokers_out
    assert (200_000, 1_150_000) == (network.workers_in, network.workers_out)


def test_without_payments_there_is_one_worker_and_a_broker_for_each_replica() -> None:
    """What has to run before the first payment comes."""
    found = sized(replace(ROUND, payments_per_second=0))

    assert (1, 3, "replication") == (found.workers, found.brokers, found.brokers_because)
    assert 0 == found.broker_disk_bytes == found.topic_bytes_per_day.total == found.network.brokers_in


def test_repartitioning_writes_a_payment_again_and_takes_more_workers() -> None:
    """Half of the payments cost twice as much: a half more work."""
    found = sized(replace(ROUND, repartitioned_share=0.5, repartition_cost=1.0, repartitioned_bytes=240))

    assert 3 == found.workers
    assert 0.5 * 1_000 * DAY_S * 240 == found.topic_bytes_per_day.transactions_by_card


def test_what_is_scarce_decides_how_many_brokers_there_are() -> None:
    """CPU, network and disk each call for a number; the largest counts."""
    few = replace(ROUND, replication=1)

    assert "disk" == sized(replace(few, broker_disk_tb=0.1)).brokers_because
    assert "CPU" == sized(replace(few, broker_cpu_us_per_payment=10_000)).brokers_because
    assert "network" == sized(replace(few, broker_mb_per_second=1)).brokers_because


@given(rates, rates)
def test_more_payments_never_need_less(one: float, other: float) -> None:
    """Every figure grows with the rate, or stays."""
    less, more = (
        numbers(sized(replace(ROUND, payments_per_second=rate, broker_cpu_us_per_payment=20)))
        for rate in sorted((one, other))
    )

    assert all(small <= large for small, large in zip(less, more, strict=True))


@given(rates, st.floats(0.05, 1), st.floats(0.05, 1))
def test_more_headroom_never_needs_fewer_workers(rate: float, one: float, other: float) -> None:
    """A worker of whose speed less is used leaves more to others; none is used more than it may be."""
    less, more = sorted((one, other))
    cautious, bold = (
        sized(replace(ROUND, payments_per_second=rate, worker_load=load)).workers for load in (less, more)
    )

    assert cautious >= bold
    assert rate <= bold * ROUND.worker_payments_per_second * more * (1 + 1e-9)


@given(rates, st.integers(1, 5))
def test_replicas_multiply_disk_and_what_brokers_receive(rate: float, replication: int) -> None:
    """Workers and the bytes of one replica do not depend on them, and there is a broker for each."""
    one = sized(replace(ROUND, payments_per_second=rate, replication=1))
    found = sized(replace(ROUND, payments_per_second=rate, replication=replication))

    assert (
        abs(replication * one.broker_disk_bytes - found.broker_disk_bytes) <= 1e-9 * found.broker_disk_bytes
    )
    assert (
        abs(replication * one.network.brokers_in - found.network.brokers_in)
        <= 1e-9 * found.network.brokers_in
    )
    assert (one.workers, one.topic_bytes_per_day) == (found.workers, found.topic_bytes_per_day)
    assert replication <= found.brokers
    assert found.broker_disk_bytes <= found.brokers * ROUND.broker_disk_tb * TB * ROUND.broker_load * (
        1 + 1e-9
    )
