"""Switching releases under load, and while the worker is killed."""

import gc
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    """Of loads during which releases were switched: the lowest, because what else the machine does only adds to it."""
    p99_without_ms: float
    """Of equal loads before them, likewise."""
    p99_shadow_ms: float
    """Of an equal load beside which a challenger decided, and would have decided everything otherwise."""
    each_ms: list[float]
    """The p99 of every load, in turns without switches and with."""
    sent_late_ms: float
    """By how much the 99th percentile of the payments left late, in the worst load: more than a few ms, and the machine is too busy to measure."""
    unanswered: int
    """Payments of the loads whose decisions came later than 15 s after the last was due; no p99 has them."""
    rate: int
    switches: int
    kills: int


def swap(stage: Stage, rate: int, seconds: float, switches: int, kills: int, turns: int) -> Swap:
    """Measure loads without switches and with, in turns; then kill the worker around switches; then compare all decisions."""
    worker, operator = stage.worker, stage.operator
    loads: list[dict[str, float]] = []

    def measured(what: str, meanwhile: Callable[[], None] | None = None) -> None:
        told(f"{rate:,} payments/s {what}")
        loads.append(loaded(stage, rate, seconds, meanwhile))
        worker.wait(child, stage.payments.made)

    with worker.started() as child:
        operator.applied(operator.switch())
        told("waking up")
        loaded(stage, rate, WAKE_UP_S)
        worker.wait(child, stage.payments.made)
        for _ in range(turns):
            measured("without a switch")
            measured(f"with {switches} switches", lambda: _switch(stage, switches, seconds))
        operator.applied(operator.do(BLOCKS_EVERYTHING, Action.SHADOW))
        measured("beside a challenger")
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
    (*each, beside) = [round(load["p99"], 2) for load in loads]
    several = [values for values in found.values() if len(values) > 1]
    return Swap(
        payments=stage.payments.made,
        lost=stage.payments.made - len(found),
        unequal=sum(len(set(values)) > 1 for values in several),
        repeated=len(several),
        p99_ms=min(each[1::2]),
        p99_without_ms=min(each[::2]),
        p99_shadow_ms=beside,
        each_ms=each,
        sent_late_ms=round(max(load["sent_late_ms_p99"] for load in loads), 2),
        unanswered=round(sum(load["missing"] for load in loads)),
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


def loaded(
    stage: Stage, rate: int, seconds: float, meanwhile: Callable[[], None] | None = None
) -> dict[str, float]:
    """Send an open-loop load, doing something meanwhile; return what became of it."""
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
    with _ready_at_once():
        load.started_s = time.perf_counter() + 0.2
        for each in threads:
            each.start()
        load.read(consumer, seconds + LAST_ANSWER_TIMEOUT_S)
        for each in threads:
            each.join()
    consumer.close()
    return load.summary(0.0)


@contextmanager
def _ready_at_once() -> Iterator[None]:
    """Let threads that send, read and switch wait for each other half a millisecond, instead of five, and not for garbage."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        sys.setswitchinterval(interval)


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
