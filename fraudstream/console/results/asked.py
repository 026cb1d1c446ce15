"""What a page of results is asked, as its address says it: days, filters, grouping, until when labels count, and the review capacity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from fraudstream.adapters.archive.filters import Filter
from fraudstream.analytics.decided import Question
from fraudstream.domain.card_numbers import masked
from fraudstream.domain.errors import SetupError
from fraudstream.domain.times import DAY_MS, midnight_ms

DAYS = 28
"""Days that are shown unless others are asked for."""
DAYS_MAX = 800
FILTERS_MAX = 12


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
    wrong: str = ""

    @classmethod
    def of(cls, params: QueryParams, newest: date, capacity: int | None) -> "Asked":
        """Read an address; `newest`: the newest day of the archive."""
        usual = cls(newest - timedelta(days=DAYS - 1), newest, capacity=capacity)
        try:
            last = _day(params, "to") or newest
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
            )
        except SetupError as error:
            return Asked(usual.first, usual.last, capacity=capacity, wrong=str(error))

    @property
    def question(self) -> Question:
        """What is asked of the archive."""
        return Question(
            midnight_ms(self.first),
            midnight_ms(self.last) + DAY_MS,
            tuple(Filter.written(text) for text in self.filters),
            None if self.known is None else midnight_ms(self.known) + DAY_MS - 1,
        )

    @property
    def today(self) -> date:
        """The day from which labels are looked back on."""
        return self.known or datetime.now(UTC).date()

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
        }


def _day(params: QueryParams, name: str) -> date | None:
    text = params.get(name, "").strip()
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise SetupError(f"write days as 2026-11-21, not {masked(text[:20])!r}") from None
