"""What a page of results is asked, as its address says it: days and whose, filters, grouping, until when labels count, the review capacity."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from starlette.datastructures import QueryParams

from fraudstream.adapters.archive.filters import Filter
from fraudstream.analytics.decided import Question
from fraudstream.domain.card_numbers import masked
from fraudstream.domain.errors import SetupError
from fraudstream.domain.local_days import day_begins_ms, day_ends_ms, local_day
from fraudstream.domain.times import DAY_MS, midnight_ms

DAYS = 28
"""Days that are shown unless others are asked for."""
DAYS_MAX = 800
FILTERS_MAX = 12
FIRST, LAST = date(1970, 1, 2), date(9999, 12, 29)
"""Days that have a day before and after them in every time zone."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A view of results. `wrong` says why it could not be understood; then the rest is what is shown without it."""

    first: date
    last: date
    by: str = "day"
    filters: tuple[str, ...] = ()
    known: date | None = None
    """Labels that became known after this day do not count."""
    capacity: int | None = None
    """How many alerts can be reviewed in a day."""
    zone: str = "UTC"
    """Whose days they are; a view that somebody sends on has the same days for whoever opens it."""
    wrong: str = ""

    @classmethod
    def of(cls, params: QueryParams, newest: date, capacity: int | None, own_zone: str = "UTC") -> "Asked":
        """Read an address; `newest`: the newest day (UTC) of the archive, `own_zone`: the reader's."""
        zone = params.get("zone", "").strip() or own_zone
        usual_last = newest_in(newest, zone if _is_zone(zone) else own_zone)
        usual = partial(cls, usual_last - timedelta(days=DAYS - 1), usual_last, capacity=capacity)
        try:
            if not _is_zone(zone):
                raise SetupError("there is no such time zone")
            last = _day(params, "to") or usual_last
            first = _day(params, "from") or last - timedelta(days=DAYS - 1)
            if not 0 <= (last - first).days < DAYS_MAX:
                raise SetupError(
                    f"ask for 1 to {DAYS_MAX} days: the first is {first}, and the last is {last}"
                )
            filters = tuple(text.strip() for text in params.getlist("filter") if text.strip())
            if len(filters) > FILTERS_MAX:
                raise SetupError(f"at most {FILTERS_MAX} filters")
            for text in filters:
                Filter.written(text)
            given = params.get("capacity", "").strip()
            if given and not (given.isdigit() and len(given) < 9):
                raise SetupError("the review capacity is a number of alerts a day")
            return cls(
                first,
                last,
                params.get("by", "").strip() or "day",
                filters,
                _day(params, "known"),
                int(given) if given else capacity,
                zone,
            )
        except SetupError as error:
            return usual(zone=own_zone, wrong=str(error))

    @property
    def question(self) -> Question:
        """What is asked of the archive."""
        return Question(
            day_begins_ms(self.first, self.zone),
            day_ends_ms(self.last, self.zone),
            tuple(Filter.written(text) for text in self.filters),
            None if self.known is None else day_ends_ms(self.known, self.zone) - 1,
            self.zone,
        )

    @property
    def today(self) -> date:
        """The day from which labels are looked back on."""
        return self.known or _today(self.zone)

    def zones(self, own_zone: str) -> list[str]:
        """Return the time zones that a reader may choose among: that of the page, their own, and UTC."""
        return list(dict.fromkeys((self.zone, own_zone, "UTC")))

    def link(self, path: str, **changed: Any) -> str:
        """Return the address of another page, or of this one with something changed."""
        now = {**self._pairs(), **changed}
        pairs = [
            (name, str(each))
            for name, value in now.items()
            if value is not None
            for each in (value if isinstance(value, (tuple, list)) else [value])
        ]
        return f"{path}?{urlencode(pairs)}"

    def without(self, path: str, text: str) -> str:
        """Return the address without one of the filters."""
        return self.link(path, filter=[each for each in self.filters if each != text])

    def narrowed(self, path: str, text: str) -> str:
        """Return the address with one filter more."""
        return self.link(path, filter=[*self.filters, text], by="day")

    def _pairs(self) -> Mapping[str, Any]:
        return {
            "from": self.first,
            "to": self.last,
            "by": None if self.by == "day" else self.by,
            "filter": self.filters,
            "known": self.known,
            "capacity": self.capacity,
            "zone": self.zone,
        }


def _day(params: QueryParams, name: str) -> date | None:
    text = params.get(name, "").strip()
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        raise SetupError(f"write days as 2026-11-21, not {masked(text[:20])!r}") from None
    if day is not None and not FIRST <= day <= LAST:
        raise SetupError(f"ask for days from {FIRST} to {LAST}")
    return day


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (
        ValueError,
        OSError,
        LookupError,
    ):  # no such name, one that is a directory, or one that is no name
        return False
    return True


def _today(zone: str) -> date:
    return local_day(time.time_ns() // 1_000_000, zone)


def newest_in(newest: date, zone: str) -> date:
    """Return the last day of a time zone that may have payments: a day of UTC reaches into two of it, and none is later than today."""
    return max(
        local_day(midnight_ms(newest), zone),
        min(local_day(midnight_ms(newest) + DAY_MS - 1, zone), _today(zone)),
    )
