"""Switching releases under load, and while the worker is killed."""

import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from confluent_kafka import Producer  # type: ignore[import-untyped]

from benchmarks.children import Child
from benchmarks.cluster import PRODUCER, reader
from benchmarks.load import LAST_ANSWER_TIMEOUT_S, Load, transaction_id
from benchmarks.lone_worker import told
from benchmarks.releases.stage import BLOCKS_EVERYTHING, Stage
from fraudstream import topics
from fraudstream.domain.releases.release_log import Action

WAKE_UP_S = 5.0
KILLED_WITHIN_S = 0.5
SILENCE_S = 5.0
"""A worker that decides nothing for so long has decided all."""
SEED = 15


@dataclass(frozen=True, slots=True)
class Swap:
    """What switching did to payments."""

    payments: int
    lost: int
    """Payments without a decision."""
    unequal: int
    """Payments with several decisions that differ."""
    repeated: int
    """Payments with several decisions, equal or not."""
    p99_ms: float
    """Of a load during which releases were switched."""
    p99_without_ms: float
    """Of an equal load before it."""
    p99_shadow_ms: float
    """Of an equal load beside which a challenger decided, and would have decided everything otherwise."""
    rate: int
    switches: int
    kills: int


def swap(stage: Stage, rate: int, seconds: float, switches: int, kills: int) -> Swap:
    """Measure a load without switches and one with; then kill the worker around switches; then compare all decisions."""
    worker, operator = stage.worker, stage.operator
    with worker.started():
        operator.applied(operator.switch())
        told("waking up")
        loaded(stage, rate, WAKE_UP_S)
        told(f"{rate:,} payments/s without a switch")
        without = loaded(stage, rate, seconds)
        told(f"{rate:,} payments/s with {switches} switches")
        during = loaded(stage, rate, seconds, lambda: _switch(stage, switches, seconds))
        told(f"{rate:,} payments/s beside a challenger")
        operator.applied(operator.do(BLOCKS_EVERYTHING, Action.SHADOW))
        beside = loaded(stage, rate, seconds)
        operator.applied(operator.do(BLOCKS_EVERYTHING, Action.STOP))
    chance = random.Random(SEED)
    for number in range(kills):
        told(f"kill {number + 1} of {kills}")
        with worker.started() as child:
            worker.wait(child, stage.payments.made)
            sending = threading.Thread(target=worker.send, args=(stage.payments.next(rate * 2)[0],))
            sending.start()
            operator.switch()
            time.sleep(chance.uniform(0, KILLED_WITHIN_S))
            child.process.kill()
            sending.join()
    with worker.started() as child:
        found = _all_decided(stage, child)
    several = [values for values in found.values() if len(values) > 1]
    return Swap(
        payments=stage.payments.made,
        lost=stage.payments.made - len(found),
        unequal=sum(len(set(values)) > 1 for values in several),
        repeated=len(several),
        p99_ms=round(during, 2),
        p99_without_ms=round(without, 2),
        p99_shadow_ms=round(beside, 2),
        rate=rate,
        switches=switches,
        kills=kills,
    )


def _all_decided(stage: Stage, child: Child) -> dict[bytes, list[bytes]]:
    """Wait until every payment is decided, or nothing comes any more; return the decisions of each."""
    stage.worker.wait(child, stage.payments.made)  # some of them may be of payments that were decided before
    before, found = -1, decided(stage)
    while len(found) < stage.payments.made and len(found) > before:
        time.sleep(SILENCE_S)
        before, found = len(found), decided(stage)
    return found


def loaded(stage: Stage, rate: int, seconds: float, meanwhile: Callable[[], None] | None = None) -> float:
    """Send an open-loop load, doing something meanwhile; return the 99th percentile of the latency in ms."""
    records, tids = stage.payments.next(round(rate * seconds))
    load, cluster = Load(records, tids, rate), stage.worker.cluster
    decisions = stage.topic(topics.DECISIONS)
    consumer = reader(cluster.bootstrap, decisions, cluster.ends(decisions))
    producer = Producer(
        {**PRODUCER, "bootstrap.servers": cluster.bootstrap, "linger.ms": 0, "max.in.flight": 1}
    )
    consumer.poll(0.5)
    threads = [threading.Thread(target=load.send, args=(producer, stage.topic(topics.TRANSACTIONS)))]
    if meanwhile is not None:
        threads.append(threading.Thread(target=meanwhile))
    load.started_s = time.perf_counter() + 0.2
    for each in threads:
        each.start()
    load.read(consumer, seconds + LAST_ANSWER_TIMEOUT_S)
    for each in threads:
        each.join()
    consumer.close()
    return load.summary(0.0)["p99"]


def _switch(stage: Stage, switches: int, seconds: float) -> None:
    for _ in range(switches):
        time.sleep(seconds / (switches + 1))
        stage.operator.switch()


def decided(stage: Stage) -> dict[bytes, list[bytes]]:
    """Return the decisions of each payment, up to what depends on when it was decided."""
    found: dict[bytes, list[bytes]] = {}
    for value in stage.decisions():
        found.setdefault(transaction_id(value), []).append(value.partition(b',"decided_at":')[0])
    return found
