"""What the topics `cases` and `labels` do not have yet: an outbox, so that a kill between database and Kafka loses nothing."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select, text, update

from fraudstream.adapters.database.case_queries import CaseQueries
from fraudstream.adapters.database.case_rows import FIELDS, case_of
from fraudstream.adapters.database.tables import CASES, LABEL_OUTBOX
from fraudstream.domain.labels import Label
from fraudstream.domain.review.record import Published

AT_ONCE = 200


def unpublished(cases: CaseQueries) -> list[Published]:
    """Return some cases whose newest version the topic does not have, as they are now."""
    wanted = select(*FIELDS).where(text("published < version")).order_by(CASES.c.changed_at).limit(AT_ONCE)
    return cases.told([case_of(row) for row in cases.connection.execute(wanted)])


def mark_published(connection: Connection, published: Sequence[tuple[str, int]]) -> None:
    """Record that the topic has these versions of cases; they may have been changed again meanwhile."""
    own = (CASES.c.id == bindparam("own_id")) & (CASES.c.published < bindparam("own_version"))
    statement = update(CASES).where(own).values(published=bindparam("own_version"))
    if published:
        rows = [{"own_id": case_id, "own_version": version} for case_id, version in published]
        connection.execute(statement, rows)


def take_ready_labels(connection: Connection, now_ms: int) -> list[Label]:
    """Return some labels whose closes nobody can take back any more, and mark that it is begun to publish them."""
    columns = LABEL_OUTBOX.c.transaction_id, LABEL_OUTBOX.c.known_at
    wanted = select(*columns, LABEL_OUTBOX.c.fraud, LABEL_OUTBOX.c.note)
    wanted = wanted.where(LABEL_OUTBOX.c.ready_at <= now_ms).order_by(*columns).limit(AT_ONCE)
    labels = [
        Label(row.transaction_id, row.fraud, row.known_at, "review", row.note)
        for row in connection.execute(wanted.with_for_update())
    ]
    own = (columns[0] == bindparam("own_id")) & (columns[1] == bindparam("own_known_at"))
    if labels:
        rows = [{"own_id": label.transaction_id, "own_known_at": label.known_at} for label in labels]
        connection.execute(update(LABEL_OUTBOX).where(own).values(taken=True), rows)
    return labels
