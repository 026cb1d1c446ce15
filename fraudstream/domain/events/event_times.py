"""Reads an event's time, and says what is wrong with one that cannot be."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fraudstream.domain.errors import InvalidTransaction
from fraudstream.domain.events.event_type import PER_SECOND, UNIT_NAMES, EventTime
from fraudstream.domain.events.raw_values import unit_of
from fraudstream.domain.times import moment_ms

TIME_MIN_MS = 946_684_800_000
"""2000-01-01: an older payment is a broken clock or a wrong unit."""

TIME_MAX_S = 1e12
"""Far beyond any clock; keeps the arithmetic finite so that the comparisons with real clocks can refuse it."""

LIST_PARTS = 7

Given = str | float | list[int]


class EventTimes:
    """Reads times as an event type declares them."""

    def __init__(self, declared: EventTime, future_tolerance_ms: int) -> None:
        """`future_tolerance_ms`: how far an event may lie after its record's Kafka timestamp."""
        self._names = declared.fields
        self._unit = declared.unit
        self._per_second = PER_SECOND[declared.unit]
        self._origin_ms = declared.origin_ms
        self._future_tolerance_ms = future_tolerance_ms

    def read(self, given: Sequence[Given | None], timestamp_ms: int) -> int:
        """Return an event's time, epoch milliseconds; raises InvalidTransaction.

        `given` are the values of the declared fields; the first that is there counts, none means the record's Kafka
        timestamp, which is also the clock against which "in the future" is judged, so that a replay judges alike.
        """
        event_time_ms = timestamp_ms
        for time in given:
            if time is not None:
                event_time_ms = self.moment(time) + self._origin_ms
                break
        if not TIME_MIN_MS <= event_time_ms <= timestamp_ms + self._future_tolerance_ms:
            raise self._wrong(given, event_time_ms, timestamp_ms)
        return event_time_ms

    def moment(self, given: Given) -> int:
        """Return a time in milliseconds: a number in the declared unit, ISO 8601 (without a zone it is UTC), or Java's list."""
        if isinstance(given, str):
            try:
                return moment_ms(given) - self._origin_ms
            except (ValueError, OverflowError):
                raise InvalidTransaction(
                    "invalid-time", f"the time is neither epoch {UNIT_NAMES[self._unit]} nor ISO 8601"
                ) from None
        if isinstance(given, list):
            return _of_list(given) - self._origin_ms
        seconds = given / self._per_second
        if not -TIME_MAX_S <= seconds <= TIME_MAX_S:
            seconds = max(-TIME_MAX_S, min(seconds, TIME_MAX_S))
        return round(seconds * 1000)

    def _wrong(
        self, given: Sequence[Given | None], event_time_ms: int, timestamp_ms: int
    ) -> InvalidTransaction:
        """Say what is wrong with a time that lies before the year 2000 or after the record's own."""
        if timestamp_ms < 0:
            return InvalidTransaction(
                "no-timestamp",
                "the record has no Kafka timestamp, which event times are checked against; producers set it, or brokers with "
                "message.timestamp.type=LogAppendTime",
            )
        reason, where = ("time-ancient", "before the year 2000")
        if event_time_ms >= TIME_MIN_MS:
            reason, where = ("time-in-future", "after the record's Kafka timestamp")
        found = ((name, time) for name, time in zip(self._names, given, strict=True) if time is not None)
        name, value = next(found, ("", None))
        if value is None:
            return InvalidTransaction(
                reason, f"there is no time, and the record's Kafka timestamp is {where}"
            )
        newest_ms = timestamp_ms + self._future_tolerance_ms
        unit = unit_of(value, newest_ms) if isinstance(value, int | float) else None
        if unit is not None and unit != UNIT_NAMES[self._unit]:
            return InvalidTransaction(
                reason, f"{name} {value} looks like {unit}: send epoch {UNIT_NAMES[self._unit]} or ISO 8601"
            )
        return InvalidTransaction(reason, f"{name} {value} lies {where}")


def _of_list(parts: list[Any]) -> int:
    """Read a list of year, month, day, hour, minute, second and nanosecond; the time of day may be missing from its end."""
    try:
        *given, nanosecond = parts if len(parts) == LIST_PARTS else [*parts, 0]
        moment = datetime(*given, microsecond=nanosecond // 1000, tzinfo=UTC)  # type: ignore[misc]
    except (ValueError, TypeError, OverflowError):
        raise InvalidTransaction("invalid-time", "the time is a list that is not a date") from None
    return round(moment.timestamp() * 1000)
