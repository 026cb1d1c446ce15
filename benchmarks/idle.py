"""What a contestant costs that has nothing to do: its CPU while no payment comes."""

import time

from benchmarks.children import BenchmarkFailed, Child
from benchmarks.cluster import Cluster
from benchmarks.contestants import Contestant, Run
from benchmarks.latency import answered
from benchmarks.traffic import payments_of, records_of
from fraudstream import topics

SETTLE_S = 3.0
"""After the last payment, for what a contestant does a moment later: commits, statistics."""

POLL_INTERVAL_S = 0.1


def idle_share(cluster: Cluster, contestant: Contestant, run: Run) -> float:
    """Start a contestant on empty topics, wake it up, and return the share of a core it uses while nothing comes."""
    run.directory.mkdir(parents=True)
    with contestant.start(run) as child:
        if contestant.decides:
            answered(run, run.plan.wake_up, 0)
        else:
            _read(cluster, child, run)
        time.sleep(SETTLE_S)
        used_s, began = child.cpu_s(), time.monotonic()
        time.sleep(run.plan.idle_s)
        child.check()
        return (child.cpu_s() - used_s) / (time.monotonic() - began)


def _read(cluster: Cluster, child: Child, run: Run) -> None:
    """Wait until a contestant that only reads has read something."""
    prepared = run.prepared
    payments = payments_of(
        prepared.settings.history_dir, prepared.first_day, prepared.days, 0, run.plan.wake_up.payments
    )
    records = records_of(payments, run.plan.partitions)
    cluster.preload(run.topic(topics.TRANSACTIONS), records, lambda _sent: None)
    deadline = time.monotonic() + run.plan.timeouts_s["start"]
    while not child.marks():
        child.check()
        if time.monotonic() > deadline:
            raise BenchmarkFailed(f"{child.name} read nothing (log: {child.log})")
        time.sleep(POLL_INTERVAL_S)
