"""Which records were sent again after a dead letter: noted before they are sent, and again when they are."""

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, select, update

from fraudstream.adapters.database.audit import append
from fraudstream.adapters.database.engine import insert_new, said, writing
from fraudstream.adapters.database.tables import RESENDS

AT_ONCE = 500
"""Places in one statement."""


@dataclass(frozen=True, slots=True)
class Resend:
    """One record; the times are epoch milliseconds."""

    place: str
    person: str
    begun_at: int
    from_offset: int
    sent_at: int | None
    """None: it was begun, and nobody has noted an end."""
    sent_offset: int | None


class Resends:
    """The re-sends in the database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, ends: Mapping[str, int], person: str) -> set[str]:
        """Note that records are about to be sent, by place and the end of their partition; return those that nobody had begun.

        Audited in the same transaction.
        """
        now_ms, new = time.time_ns() // 1_000_000, set[str]()
        with writing(self._engine) as connection:
            for place, end in ends.items():
                row = {"place": place, "person": person, "begun_at": now_ms, "from_offset": end}
                done = connection.execute(
                    insert_new(connection, RESENDS).values(row).on_conflict_do_nothing()
                )
                if done.rowcount:
                    new.add(place)
            if new:
                append(
                    connection, person, "dead-letters.resend", f"{len(new)} records", {"places": sorted(new)}
                )
        return new

    def end(self, offsets: Mapping[str, int]) -> None:
        """Note where records lie now that were sent."""
        now_ms = time.time_ns() // 1_000_000
        with writing(self._engine) as connection:
            for place, offset in offsets.items():
                one = (RESENDS.c.place == place) & RESENDS.c.sent_at.is_(None)
                connection.execute(update(RESENDS).where(one).values(sent_at=now_ms, sent_offset=offset))

    def of(self, places: Collection[str]) -> dict[str, Resend]:
        """Return what is known of some records, by place."""
        asked, found = list(places), dict[str, Resend]()
        with said(), self._engine.connect() as connection:
            for first in range(0, len(asked), AT_ONCE):
                some = select(RESENDS).where(RESENDS.c.place.in_(asked[first : first + AT_ONCE]))
                found |= {row.place: Resend(**row._mapping) for row in connection.execute(some)}
        return found
