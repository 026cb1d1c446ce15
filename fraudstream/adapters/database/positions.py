"""How far topics were read, stored in the transaction of what was made of their records: so each counts once, whatever is killed."""

from sqlalchemy import Connection, select, update

from fraudstream.adapters.database.engine import DatabaseUnavailable, insert_new
from fraudstream.adapters.database.tables import POSITIONS
from fraudstream.adapters.kafka.log_fit import Position
from fraudstream.adapters.kafka.partition_logs import Place


def stored(connection: Connection, topic: str) -> dict[Place, Position]:
    """Return how far the partitions of a topic were read; those that never were are left out."""
    rows = connection.execute(select(POSITIONS).where(POSITIONS.c.topic == topic))
    return {(topic, row.partition): Position(row.next_offset, row.last_record) for row in rows}


def advance(connection: Connection, place: Place, before: Position | None, after: Position) -> None:
    """Store a position; raises DatabaseUnavailable if another process has read on from `before` meanwhile."""
    topic, partition = place
    row = {"topic": topic, "partition": partition, "next_offset": after.next_offset}
    row |= {"last_record": after.last_record}
    if before is None:
        new = insert_new(connection, POSITIONS).values(row).on_conflict_do_nothing()
        done = connection.execute(new.returning(POSITIONS.c.partition)).first() is not None
    else:
        own = (POSITIONS.c.topic == topic) & (POSITIONS.c.partition == partition)
        as_read = own & (POSITIONS.c.next_offset == before.next_offset)
        done = connection.execute(update(POSITIONS).where(as_read).values(row)).rowcount == 1
    if not done:
        raise DatabaseUnavailable(f"another console has read {topic}, partition {partition}, meanwhile")
