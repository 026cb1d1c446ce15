"""An open-loop load and the clock of its answers, in one process: `python -m benchmarks.load`.

Every payment has a scheduled time, whatever the worker does, and its latency is counted from there: if the generator
or the worker stalls, all payments that were due meanwhile show it (no coordinated omission). One thread sends, in
ticks of a millisecond; one reads decisions. Prints one JSON object.
"""

import argparse
import gc
import json
import sys
import threading
import time
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, Producer  # type: ignore[import-untyped]

from benchmarks.cluster import PRODUCER, READ_AT_ONCE, Cluster, reader
from benchmarks.traffic import Record, payments_of, records_of

TICK_S = 0.001
LAST_ANSWER_TIMEOUT_S = 15.0

WITHOUT_WEEK = b'"weekly-'
"""What `degraded` holds then: weekly-timeout, weekly-unavailable and so on."""


class Load:
    """The payments of one load, when each was due and when its decision was read."""

    def __init__(self, records: list[Record], tids: list[str], rate: float) -> None:
        self.records = records
        self.due_s = np.arange(len(records)) / rate
        self.place = {tid.encode(): number for number, tid in enumerate(tids)}
        self.sent_s: npt.NDArray[np.float64] = np.full(len(records), np.nan)
        self.read_s: npt.NDArray[np.float64] = np.full(len(records), np.nan)
        self.started_s = 0.0
        self.unread = len(records)
        self.lookup_ms: npt.NDArray[np.float64] = np.full(len(records), np.nan)
        self.without_week = 0
        """Decisions that had to do without the card's week."""

    def send(self, producer: Producer, topic: str) -> None:
        """Send each payment when it is due."""
        due, sent = self.due_s.tolist(), self.sent_s
        number, count = 0, len(due)
        while number < count:
            now = time.perf_counter() - self.started_s
            while number < count and due[number] <= now:
                key, value, partition = self.records[number]
                producer.produce(topic, value, key, partition)
                sent[number] = now
                number += 1
            producer.poll(0)
            time.sleep(max(0.0, self._next_tick(due, number) - (time.perf_counter() - self.started_s)))
        producer.flush(LAST_ANSWER_TIMEOUT_S)

    def _next_tick(self, due: list[float], number: int) -> float:
        """Return the next whole millisecond at which something is due."""
        return float(np.ceil(due[number] / TICK_S) * TICK_S) if number < len(due) else 0.0

    def read(self, consumer: Consumer, deadline_s: float) -> None:
        """Note when the decision on each payment is read, until all are or time is up."""
        read, place = self.read_s, self.place
        while self.unread and time.perf_counter() - self.started_s < deadline_s:
            first = consumer.poll(0.1)
            if first is None:
                continue
            messages = [first, *consumer.consume(READ_AT_ONCE, 0)]
            now = time.perf_counter() - self.started_s
            for message in messages:
                number = place.get(transaction_id(message.value()))
                if number is not None and np.isnan(read[number]):
                    read[number] = now
                    self.lookup_ms[number] = lookup_ms(message.value())
                    self.without_week += WITHOUT_WEEK in message.value()
                    self.unread -= 1

    def summary(self, warmup_s: float) -> dict[str, float]:
        """Return the percentiles of what was due after the warm-up, in ms."""
        measured = self.due_s >= warmup_s
        latency_ms = (self.read_s - self.due_s)[measured] * 1000
        known = latency_ms[~np.isnan(latency_ms)]
        p50, p99, p999 = np.percentile(known, [50, 99, 99.9]).tolist() if len(known) else [float("nan")] * 3
        return {
            "payments": len(self.records),
            "measured": int(measured.sum()),
            "missing": self.unread,
            "without_week": self.without_week,
            "lookup_p99": _p99(self.lookup_ms[~np.isnan(self.lookup_ms)]),
            "p50": p50,
            "p99": p99,
            "p999": p999,
            "max": float(known.max()) if len(known) else float("nan"),
            "sent_late_ms_p99": float(np.percentile((self.sent_s - self.due_s)[measured], 99) * 1000),
        }


def transaction_id(value: bytes) -> bytes:
    """Return the id of a decision: its first field, found without decoding the rest.

    >>> transaction_id(b'{"transaction_id":"17","card":"..."}')
    b'17'
    """
    return value.split(b'"', 4)[3]


def _p99(values: npt.NDArray[np.float64]) -> float:
    return float(np.percentile(values, 99)) if len(values) else float("nan")


def lookup_ms(value: bytes) -> float:
    """Return how long a decision's micro-batch looked weeks up, NaN if it does not say.

    >>> lookup_ms(b'{"timing_ms":{"queued":2,"weekly":0.25,"decide":0.8}}')
    0.25
    """
    told = value.rpartition(b'"timing_ms"')[2].partition(b'"weekly":')[2]
    return float(told.partition(b",")[0].partition(b"}")[0] or b"nan")


def run(options: argparse.Namespace) -> dict[str, float]:
    """Send the load, read the answers, and sum up."""
    count = round(options.rate * (options.warmup_s + options.measured_s))
    payments = payments_of(options.history, options.first_day, options.days, options.skip, count)
    load = Load(records_of(payments, options.partitions), [str(tid) for tid in payments["tid"]], options.rate)
    cluster = Cluster(options.bootstrap, options.partitions)
    consumer = reader(options.bootstrap, options.decisions, cluster.ends(options.decisions))
    # One request in flight, so that what comes due meanwhile leaves together, as in any busy producer; no linger.
    producer = Producer(
        {**PRODUCER, "bootstrap.servers": options.bootstrap, "linger.ms": 0, "max.in.flight": 1}
    )
    consumer.poll(0.5)
    producer.list_topics(options.transactions, 10)
    gc.disable()
    sys.setswitchinterval(0.0005)
    load.started_s = time.perf_counter() + 0.2
    sending = threading.Thread(target=load.send, args=(producer, options.transactions), daemon=True)
    sending.start()
    load.read(consumer, options.warmup_s + options.measured_s + LAST_ANSWER_TIMEOUT_S)
    sending.join(LAST_ANSWER_TIMEOUT_S)
    consumer.close()
    return load.summary(options.warmup_s)


def main() -> None:
    """Parse the command line, run, and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    for text in ("--bootstrap", "--transactions", "--decisions"):
        parser.add_argument(text, required=True)
    for number in ("--partitions", "--days", "--skip"):
        parser.add_argument(number, type=int, required=True)
    for number in ("--rate", "--warmup-s", "--measured-s"):
        parser.add_argument(number, type=float, required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--first-day", type=date.fromisoformat, required=True)
    sys.stdout.write(json.dumps(run(parser.parse_args())) + "\n")


if __name__ == "__main__":
    main()
