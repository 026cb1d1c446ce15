"""What clocks of a time zone show, as SQL: by it days, weeks and months are cut where the figures are counted."""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from fraudstream.domain.times import DAY_MS


def local_ms(column: str, zone: str, since_ms: int, until_ms: int) -> str:
    """Return SQL that adds to a column of moments (epoch ms) what clocks of the zone are ahead of UTC; exact for `since_ms` to `until_ms`."""
    first, *later = _offsets(zone, since_ms, until_ms)
    offsets = [first[1], *(offset for _, offset in later)]
    if not any(offsets):
        return column
    until = [
        f"WHEN {column} < {at_ms} THEN {offset}" for (at_ms, _), offset in zip(later, offsets, strict=False)
    ]
    ahead = f"CASE {' '.join(until)} ELSE {offsets[-1]} END" if until else f"{offsets[0]}"
    return f"({column} + {ahead})"


@lru_cache(maxsize=256)
def _offsets(zone: str, since_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """Return from which moments on clocks are how many ms ahead of UTC; no zone changes its clocks twice within a day."""
    clock = ZoneInfo(zone)

    def offset(time_ms: int) -> int:
        ahead = datetime.fromtimestamp(time_ms / 1000, UTC).astimezone(clock).utcoffset()
        assert ahead is not None
        return round(ahead / timedelta(milliseconds=1))

    found = [(since_ms, offset(since_ms))]
    for start_ms in range(since_ms, until_ms, DAY_MS):
        before, end_ms = found[-1][1], min(start_ms + DAY_MS, until_ms)
        if offset(end_ms) != before:
            moments = range(start_ms, end_ms + 1)
            at_ms = moments[bisect_left(moments, True, key=lambda time_ms: offset(time_ms) != before)]
            found.append((at_ms, offset(at_ms)))
    return found
