"""The correct result for every record of the input log, by the definition: written independently, over a sorted list.

A pure function of what was read back from Kafka; it knows nothing of kills, restarts or what the producer meant to send.
"""

import hmac
import json
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

from aiokafka import ConsumerRecord
from murmurhash2 import murmurhash2

TEN_MINUTES_MS = 600_000
MINUTE_MS = 60_000

Record: TypeAlias = ConsumerRecord[bytes, bytes]
Place = tuple[str, int, int]
"""Topic, partition, offset."""


class Payment(NamedTuple):
    """A payment that was counted."""

    at_ms: int
    cents: int
    tid: str


class Answer(NamedTuple):
    """What a decision must say."""

    features: dict[str, float]
    late: bool
    alert: bool


@dataclass
class Truth:
    """The correct results for the whole log."""

    answers: dict[str, Answer | None] = field(default_factory=dict)
    """By transaction id; None for a payment that should have been repartitioned to its card's partition and was not."""
    dead: dict[Place, str] = field(default_factory=dict)
    """Reason by place."""
    entries: dict[int, Counter[tuple[str, int, int]]] = field(default_factory=dict)
    """Partition -> how often (card token, event time ms, cents) was counted: once each."""
    newest_ms: dict[int, int] = field(default_factory=dict)
    """Partition -> newest event time."""
    records: int = 0
    """Valid payments in the log, repetitions included."""


class Oracle:
    """Judges the records of `transactions` and `transactions-by-card`, each partition in the order of its offsets."""

    def __init__(self, partitions: int, token_key: bytes, allowed_lateness_ms: int, future_ms: int) -> None:
        self._partitions = partitions
        self._token_key = token_key
        self._allowed_lateness_ms = allowed_lateness_ms
        self._future_ms = future_ms
        self._of_card: dict[str, list[Payment]] = {}
        """In order of time; a payment is put in when its turn in the log comes."""
        self._of_id: dict[tuple[str, str], list[Payment]] = {}
        self._sent_ms: dict[str, int] = {}
        """When a record of `transactions` came, by its place, as those that are sent on name it."""
        self.truth = Truth()

    def judge(self, keyed: Iterable[Record], repartitioned: Iterable[Record]) -> Truth:
        """Return the truth.

        A card's payments are all keyed or all repartitioned, so the two topics share only the partition's watermark: send
        unkeyed payments with an allowed lateness that none exceeds.
        """
        keyed = list(keyed)
        self._sent_ms = {_named(record): record.timestamp for record in keyed}
        for record in sorted(keyed, key=lambda record: (record.partition, record.offset)):
            payment = self._parsed(record)
            if payment is None:
                continue
            if self._home(str(payment["cc_num"])) == record.partition:
                self._decide(record, payment)
            else:
                self.truth.answers.setdefault(self._id_of(record, payment), None)
        for record in sorted(repartitioned, key=lambda record: (record.partition, record.offset)):
            payment = self._parsed(record)
            assert payment is not None, "the worker repartitions only payments"
            self._decide(record, payment)
        return self.truth

    def _parsed(self, record: Record) -> dict[str, Any] | None:
        """Return a valid payment; note the reason of any other."""
        reason, payment = refusal(record, self._future_ms)
        if reason is not None:
            self.truth.dead[record.topic, record.partition, record.offset] = reason
            return None
        self.truth.records += 1
        first_ms = self._sent_ms.get(_source(record), record.timestamp)
        return {"trans_ts": first_ms / 1000} | payment

    def _home(self, number: str) -> int:
        return int(murmurhash2(number.encode(), 0x9747B28C) & 0x7FFFFFFF) % self._partitions

    def _id_of(self, record: Record, payment: dict[str, Any]) -> str:
        return str(payment.get("tid") or _source(record))

    def _decide(self, record: Record, given: dict[str, Any]) -> None:
        """Count one payment, or find that it is a repetition of a counted one, or conflicts with it."""
        paid = Payment(
            round(given["trans_ts"] * 1000), round(given["amount"] * 100), self._id_of(record, given)
        )
        card = str(given["cc_num"])
        same_id = self._of_id.setdefault((card, paid.tid), [])
        for other in same_id:
            if abs(other.at_ms - paid.at_ms) <= TEN_MINUTES_MS:
                if other != paid:
                    self.truth.dead[record.topic, record.partition, record.offset] = "conflict"
                return
        home = self._home(card)
        newest_ms = self.truth.newest_ms.get(home, 0)
        late_by_ms = max(0, newest_ms - paid.at_ms)
        since_ms = paid.at_ms - TEN_MINUTES_MS + max(0, late_by_ms - self._allowed_lateness_ms)
        earlier = self._of_card.setdefault(card, [])
        near = earlier[bisect_left(earlier, (since_ms,)) : bisect_left(earlier, (paid.at_ms + 1,))]
        seen = [other for other in near if other.cents >= 0]
        self.truth.answers[paid.tid] = _answer(paid, seen, late=late_by_ms > self._allowed_lateness_ms)
        insort(earlier, paid)
        same_id.append(paid)
        self.truth.newest_ms[home] = max(newest_ms, paid.at_ms)
        token = hmac.digest(self._token_key, card.encode(), "sha256")[:16].hex()
        self.truth.entries.setdefault(home, Counter())[token, paid.at_ms, paid.cents] += 1


class UndividedOracle(Oracle):
    """Judges payments in the order in which they were sent, for cards that move from one partition to another.

    A card's payments are on one partition at a time, so this is also the order in which they are decided. Nothing may be
    late. Repartitioned records are the same payments once more, and are ignored.
    """

    def judge(self, keyed: Iterable[Record], repartitioned: Iterable[Record]) -> Truth:
        """Return the truth."""
        for record in sorted(keyed, key=lambda record: (record.timestamp, record.partition, record.offset)):
            payment = self._parsed(record)
            if payment is not None:
                self._decide(record, payment)
        return self.truth


def _answer(paid: Payment, seen: list[Payment], late: bool) -> Answer:
    """Compute the features for the test worker's fixed week: 25 payments of 40.00."""
    own = int(paid.cents >= 0)
    count = len(seen) + own
    mean = (paid.cents * own + sum(other.cents for other in seen)) / (count * 100) if count else 0.0
    in_minute = own + sum(other.at_ms >= paid.at_ms - MINUTE_MS for other in seen)
    since_ms = min((paid.at_ms - other.at_ms for other in seen), default=None)
    amount = paid.cents / 100
    features = {
        "amount": amount,
        "amt_ratio1": mean / 40.0,
        "amt_ratio2": amount / 40.0,
        "count_ratio": count / 25,
        "seconds_since_previous": 601.0 if since_ms is None else since_ms / 1000,
        "num_trans_last_1m": in_minute,
        "num_trans_last_10m": count,
        "avg_amt_last_10m": mean,
        "num_trans_last_1w": 25,
        "avg_amt_last_1w": 40.0,
    }
    return Answer(features, late, alert=in_minute >= 2)


def refusal(record: Record, future_ms: int) -> tuple[str | None, dict[str, Any]]:
    """Return why a record is no payment, or None and the payment."""
    if not record.value:
        return "empty", {}
    if len(record.value) > 65_536:
        return "too-large", {}
    try:
        given = json.loads(record.value.decode(), parse_constant=_not_a_number)
    except RecursionError:
        return "invalid-field", {}  # deeply nested brackets, but no object
    except ValueError:
        return "not-json", {}
    if not isinstance(given, dict) or not {"cc_num", "amount"} <= given.keys():
        return "invalid-field", {}
    if isinstance(given.get("merchant"), list):
        return "invalid-field", {}
    number, amount = given["cc_num"], given["amount"]
    if type(number) not in (int, str) or type(amount) not in (int, float):
        return "invalid-field", {}
    if not (str(number).isdigit() and 12 <= len(str(number)) <= 19):
        return "invalid-card", {}
    if not -10_000_000 <= amount <= 10_000_000:
        return "amount-absurd", {}
    at_s = given.get("trans_ts", record.timestamp / 1000)
    if at_s < 946_684_800:
        return "time-ancient", {}
    if at_s * 1000 > record.timestamp + future_ms:
        return "time-in-future", {}
    return None, given


def _named(record: Record) -> str:
    return f"{record.topic}-{record.partition}-{record.offset}"


def _source(record: Record) -> str:
    """Return the place where a record first arrived."""
    sources = [str(value, "ascii") for name, value in record.headers if name == "fraudstream-source"]
    return (sources or [_named(record)])[0]


def _not_a_number(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
