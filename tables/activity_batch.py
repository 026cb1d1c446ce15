"""The arithmetic of one micro-batch on one partition: which buckets to read, what to answer, what they become.

Writes nothing and knows neither Faust nor RocksDB: `read` is all it needs of the store.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from fraudstream.domain.activity import ENTRY, LATE_BY_MAX_MS, WINDOW_MS, CardActivity, Conflict
from fraudstream.domain.activity_columns import ENTRIES, Answers, Ints, answers
from fraudstream.tables.activity_store import Clock

ARRIVAL_SHIFT = 28
"""A payment's arrival number is its offset shifted left; the room between two offsets is for re-keyed payments, which
come from a topic of their own: 2^28 of them between two keyed ones, and 2^36 offsets a partition."""

COLUMNAR_FROM = 24
"""Below this many payments the sequential path is faster than setting up the columns (0.2 ms)."""

TOKEN = np.dtype("V16")
BUCKET_BITS = 24
"""Room for the number of a ten-minute bucket since 1970 in a place: until the year 2288."""
BUCKET_MASK = (1 << BUCKET_BITS) - 1


class Arrivals(NamedTuple):
    """Payments to observe, as columns, in order of arrival."""

    card: list[bytes]
    event_time_ms: Sequence[int]
    cents: Sequence[int]
    tid: list[int]
    offset: list[int | None]
    """None for a re-keyed payment: its place is after all that came before."""


class Update(NamedTuple):
    """What a micro-batch does to one partition: the answers now, the writes later."""

    answers: Answers
    late_by_ms: Ints
    conflicts: npt.NDArray[np.bool_]
    """Payments whose transaction id is known with another time or amount; their answers mean nothing."""
    buckets: dict[bytes, bytes]
    delta: bytes
    clock: Clock


def observe(
    arrivals: Arrivals, clock: Clock, read: Callable[[list[bytes]], dict[bytes, bytes]], horizon_ms: int
) -> Update:
    """Answer the payments in order, over what `read` returns for keys of buckets and over each other."""
    numbered: dict[bytes, int] = {}
    card = np.array([numbered.setdefault(token, len(numbered)) for token in arrivals.card], np.int64)
    tokens = np.frombuffer(b"".join(numbered), TOKEN)
    new = _entries(arrivals, clock)
    place = card << BUCKET_BITS | new["event_time_ms"] // WINDOW_MS
    touched = np.unique(np.concatenate([place - 1, place]))
    keys = _keys(tokens, touched)
    stored = read(keys)
    buckets: dict[int, list[bytes]] = {}
    for key, owner in zip(keys, (touched >> BUCKET_BITS).tolist(), strict=True):
        if key in stored:
            buckets.setdefault(owner, []).append(stored[key])
    columns, unordered = _by_columns(buckets, new, card, len(tokens), horizon_ms)
    added, conflicts = _one_by_one(columns, buckets, new, card, unordered, horizon_ms)
    return Update(
        columns,
        new["late_by_ms"].astype(np.int64),
        conflicts,
        _grown(stored, tokens, place[added], new[added]),
        _delta(tokens[card[added]], new[added]),
        Clock(
            max(clock.watermark_ms, int(new["event_time_ms"].max(initial=0))),
            max(clock.last_arrival, int(new["arrival"].max(initial=0))),
        ),
    )


def _by_columns(
    buckets: dict[int, list[bytes]], new: npt.NDArray[np.void], card: Ints, cards: int, horizon_ms: int
) -> tuple[Answers, npt.NDArray[np.bool_]]:
    """Answer all payments at once; say for which cards that does not hold (for all, if there are few payments)."""
    if len(new) < COLUMNAR_FROM:
        return Answers(*(np.zeros(len(new), np.int64) for _ in Answers._fields)), np.ones(cards, np.bool_)
    old = np.frombuffer(b"".join(bucket for kept in buckets.values() for bucket in kept), ENTRIES)
    sizes = [sum(map(len, kept)) // ENTRY.size for kept in buckets.values()]
    return answers(old, np.repeat(np.array([*buckets], np.int64), sizes), new, card, horizon_ms)


def _one_by_one(
    columns: Answers,
    buckets: dict[int, list[bytes]],
    new: npt.NDArray[np.void],
    card: Ints,
    unordered: npt.NDArray[np.bool_],
    horizon_ms: int,
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Answer the unordered cards' payments by the definition, into `columns`; return which were added, which conflict."""
    added = np.ones(len(new), np.bool_)
    conflicts = np.zeros(len(new), np.bool_)
    activities: dict[int, CardActivity] = {}
    for row in np.flatnonzero(unordered[card]).tolist():
        owner = int(card[row])
        if owner not in activities:
            activities[owner] = CardActivity(buckets.get(owner, ()), horizon_ms)
        activity = activities[owner]
        kept = len(activity.entries)
        try:
            observed = activity.observe(*new[row].item())
        except Conflict:
            added[row], conflicts[row] = False, True
            continue
        added[row] = len(activity.entries) > kept
        for column, answer in zip(columns, observed, strict=False):
            column[row] = answer
    return added, conflicts


def _entries(arrivals: Arrivals, clock: Clock) -> npt.NDArray[np.void]:
    """Turn payments into entries: number their arrival and say how late they are."""
    new = np.empty(len(arrivals.card), ENTRIES)
    new["event_time_ms"], new["cents"], new["tid"] = arrivals.event_time_ms, arrivals.cents, arrivals.tid
    last = clock.last_arrival
    numbers = []
    for offset in arrivals.offset:
        number = last + 1 if offset is None else offset << ARRIVAL_SHIFT
        last = max(last, number)
        numbers.append(number)
    new["arrival"] = numbers
    seen_ms = np.maximum.accumulate(np.concatenate([[clock.watermark_ms], new["event_time_ms"]]))[:-1]
    new["late_by_ms"] = np.clip(seen_ms - new["event_time_ms"], 0, LATE_BY_MAX_MS)
    return new


def _keys(tokens: npt.NDArray[np.void], places: Ints) -> list[bytes]:
    """Return the keys of the buckets at these places (index of the card, number of the bucket)."""
    keys = np.empty(len(places), [("start", ">u8"), ("card", TOKEN)])
    keys["start"] = (places & BUCKET_MASK) * WINDOW_MS
    keys["card"] = tokens[places >> BUCKET_BITS]
    packed, size = keys.tobytes(), keys.itemsize
    return [packed[start : start + size] for start in range(0, len(packed), size)]


def _grown(
    stored: dict[bytes, bytes], tokens: npt.NDArray[np.void], places: Ints, added: npt.NDArray[np.void]
) -> dict[bytes, bytes]:
    """Return the buckets that get new entries, with them; `places` says which bucket each entry belongs to."""
    order = np.argsort(places, kind="stable")
    grown, first = np.unique(places[order], return_index=True)
    packed = added[order].tobytes()
    bounds = [*(first * ENTRY.size).tolist(), len(packed)]
    return {
        key: stored.get(key, b"") + packed[start:end]
        for key, start, end in zip(_keys(tokens, grown), bounds[:-1], bounds[1:], strict=True)
    }


def _delta(cards: npt.NDArray[np.void], added: npt.NDArray[np.void]) -> bytes:
    """Return the changelog value: card token and entry of every payment that was added."""
    deltas = np.empty(len(added), [("card", TOKEN), ("entry", ENTRIES)])
    deltas["card"], deltas["entry"] = cards, added
    return deltas.tobytes()
