"""Compares what the workers published and stored with the truth: how many payments are lost, double, unequal."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from struct import Struct
from typing import Any, cast

import rocksdict

from tests.chaos.logs import Record, by_partition
from tests.chaos.oracle import TEN_MINUTES_MS, Place, Truth

NOTES_MAX = 12
TIMED = b',"decided_at"'
"""What comes before it in a decision is a function of the log."""
ENTRY = Struct("<qII16x")
"""Event time, cents, lateness; transaction id and sequence do not matter here."""
Entries = dict[int, Counter[tuple[str, int, int]]]
TEN_MINUTE_FEATURES = {
    "amount",
    "seconds_since_previous",
    "num_trans_last_1m",
    "num_trans_last_10m",
    "avg_amt_last_10m",
}


@dataclass
class Findings:
    """What became of the payments of one experiment."""

    payments: int = 0
    decisions: int = 0
    lost: int = 0
    double: int = 0
    unequal: int = 0
    dead_letters: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def exact(self) -> bool:
        """Tell whether nothing is wrong."""
        return not (self.lost or self.double or self.unequal)

    def wrong(self, kind: str, what: str) -> None:
        """Count an error and keep the first few."""
        setattr(self, kind, getattr(self, kind) + 1)
        if len(self.notes) < NOTES_MAX:
            self.notes.append(f"{kind}: {what}")


@dataclass(frozen=True)
class Checker:
    """What to check, and how strictly."""

    exactly_once: bool = False
    weekly_known: bool = True
    """False where the weekly store fails: then only the ten minutes are a function of the log."""

    def judge(
        self, truth: Truth, decisions: Sequence[Record], alerts: Sequence[Record], letters: Sequence[Record]
    ) -> Findings:
        """Compare truth and topics."""
        findings = Findings(payments=truth.records, decisions=len(decisions), dead_letters=len(truth.dead))
        decided = self._decisions(findings, truth, decisions)
        for tid in truth.answers.keys() - decided:
            findings.wrong("lost", tid)
        _alerts(findings, truth, alerts)
        _dead_letters(findings, truth, letters)
        _order(findings, decisions)
        return findings

    def _decisions(self, findings: Findings, truth: Truth, decisions: Iterable[Record]) -> set[str]:
        """Judge every decision; return the ids decided."""
        said: dict[str, str] = {}
        raw: dict[Place, bytes] = {}
        for record in decisions:
            decision = json.loads(record.value)
            tid, source = decision["transaction_id"], decision["source"]
            place = (source["topic"], source["partition"], source["offset"])
            if self.exactly_once and place in raw:
                findings.wrong("double", f"{tid} is decided twice at {place}")
            head = record.value.partition(TIMED)[0]
            content = self._content(decision)
            if self.weekly_known and raw.setdefault(place, head) != head:
                findings.wrong(
                    "unequal",
                    f"{tid} at {_place(decision)} again: {_apart(head.decode(), raw[place].decode())}",
                )
            elif said.setdefault(tid, content) != content:
                findings.wrong(
                    "unequal", f"{tid} at {_place(decision)} repeated: {_apart(content, said[tid])}"
                )
            self._answer(findings, truth, tid, decision)
        return set(said)

    def _content(self, decision: dict[str, Any]) -> str:
        """Return what all decisions of an id must agree in."""
        if not self.weekly_known:
            return str({name: decision["features"][name] for name in sorted(TEN_MINUTE_FEATURES)})
        apart = {"source", "decided_at", "timing_ms"}
        return json.dumps({name: value for name, value in decision.items() if name not in apart})

    def _answer(self, findings: Findings, truth: Truth, tid: str, decision: dict[str, Any]) -> None:
        answer = truth.answers.get(tid)
        if answer is None:
            findings.wrong("unequal", f"{tid} is decided and should not be")
            return
        given, wanted = decision["features"], answer.features
        if given["num_trans_last_10m"] > wanted["num_trans_last_10m"]:
            findings.wrong("double", f"{tid} at {_place(decision)}: {_wrong_in(given, wanted)}")
        elif any(given[name] != wanted[name] for name in TEN_MINUTE_FEATURES):
            findings.wrong("unequal", f"{tid} at {_place(decision)}: {_wrong_in(given, wanted)}")
        elif self.weekly_known and (given, decision["degraded"]) != (wanted, ["late"] * answer.late):
            degraded = f"degraded {decision['degraded']}, late {answer.late}"
            findings.wrong("unequal", f"{tid} at {_place(decision)}: {_wrong_in(given, wanted)} {degraded}")


def _alerts(findings: Findings, truth: Truth, alerts: Iterable[Record]) -> None:
    """Alerts are the decisions that are not approved."""
    found = Counter(json.loads(record.value)["transaction_id"] for record in alerts)
    wanted = {tid for tid, answer in truth.answers.items() if answer is not None and answer.alert}
    for tid in wanted ^ found.keys():
        findings.wrong("lost" if tid in wanted else "unequal", f"alert of {tid}")


def _place(decision: dict[str, Any]) -> str:
    return "{topic}-{partition}-{offset}".format(**decision["source"])


def _wrong_in(given: dict[str, float], wanted: dict[str, float]) -> str:
    """Say which features are not what they should be."""
    return ", ".join(
        f"{name} {given[name]} instead of {wanted[name]}" for name in wanted if given[name] != wanted[name]
    )


def _apart(now: str, before: str) -> str:
    """Show two texts from where they differ."""
    at = next((place for place, (a, b) in enumerate(zip(now, before, strict=False)) if a != b), 0)
    return f"...{now[at - 30 : at + 50]}... after ...{before[at - 30 : at + 50]}..."


def _dead_letters(findings: Findings, truth: Truth, letters: Iterable[Record]) -> None:
    """Dead letters are exact: the right reason for the right records, repetitions equal."""
    found: dict[Place, bytes] = {}
    for record in letters:
        letter = json.loads(record.value)
        place = (letter["topic"], letter["partition"], letter["offset"])
        if truth.dead.get(place) != letter["reason"]:
            findings.wrong("unequal", f"dead letter {letter} instead of {truth.dead.get(place)}")
        if found.setdefault(place, record.value) != record.value:
            findings.wrong("unequal", f"dead letter {letter} came with other content before")
    for place in truth.dead.keys() - found.keys():
        findings.wrong("lost", f"dead letter {truth.dead[place]} of {place}")


def _order(findings: Findings, decisions: Iterable[Record]) -> None:
    """A card's payments are decided in the order of their offsets; only repetitions go back."""
    for records in by_partition(decisions).values():
        seen: set[Place] = set()
        newest: dict[tuple[str, str, int], int] = {}
        for record in records:
            decision = json.loads(record.value)
            source = decision["source"]
            place = (source["topic"], source["partition"], source["offset"])
            key = (decision["card"], source["topic"], source["partition"])
            if place not in seen and source["offset"] < newest.get(key, -1):
                findings.wrong("unequal", f"{decision['transaction_id']} is decided out of order")
            seen.add(place)
            newest[key] = max(newest.get(key, -1), source["offset"])


def check_table(findings: Findings, truth: Truth, kept: Entries, allowed_lateness_ms: int, what: str) -> None:
    """Check a worker's RocksDB: it has all entries that are still needed, and none that should not exist."""
    for partition, entries in truth.entries.items():
        oldest_ms = truth.newest_ms[partition] - allowed_lateness_ms - TEN_MINUTES_MS
        found = kept.get(partition, Counter())
        needed = Counter({entry: n for entry, n in entries.items() if entry[1] >= oldest_ms})
        for entry in needed - found:
            findings.wrong("unequal", f"{what}: partition {partition} lacks {entry}")
        for entry in found - entries:
            findings.wrong("double", f"{what}: partition {partition} has {entry} too often")


def kept_entries(state_dir: Path) -> Entries:
    """Read the ten minutes out of a stopped worker's RocksDB."""
    kept: Entries = {}
    for path in sorted(state_dir.rglob("activity-*.db")):
        database = rocksdict.Rdict(
            str(path), rocksdict.Options(raw_mode=True), access_type=rocksdict.AccessType.read_only()
        )
        entries = kept.setdefault(int(path.stem.rpartition("-")[2]), Counter())
        rows = cast(Iterable[tuple[bytes, bytes]], database.items())  # raw mode: bytes only
        for key, bucket in rows:
            if len(key) == 24 and not key.startswith(b"__"):
                for time_and_high, low, _ in ENTRY.iter_unpack(bucket):
                    event_time_ms, cents = time_and_high & (1 << 48) - 1, (time_and_high >> 48) << 32 | low
                    entries[key[8:].hex(), event_time_ms, cents] += 1
        database.close()
    return kept
