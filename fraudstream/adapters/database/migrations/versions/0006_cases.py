"""Cases, what people did with them, and how far topics were read for them."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = ("positions", "label_outbox", "case_labels", "case_changes", "case_payments", "cases")


def upgrade() -> None:
    """Make the tables."""
    _make_cases()
    _index_cases()
    _make_case_payments()
    _make_case_changes()
    _make_case_labels()
    _make_label_outbox()
    _make_positions()


def downgrade() -> None:
    """Remove them."""
    for table in TABLES:
        op.drop_table(table)


def _make_cases() -> None:
    op.create_table(
        "cases",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("origin", sa.String(32), nullable=False),
        sa.Column("entity_kind", sa.String(32), nullable=False),
        sa.Column("entity", sa.String(256), nullable=False),
        sa.Column("card_last4", sa.String(4), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("opened_at", sa.BigInteger, nullable=False),
        sa.Column("due_at", sa.BigInteger, nullable=False),
        sa.Column("changed_at", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("payments", sa.Integer, nullable=False),
        sa.Column("at_risk_thousandths", sa.BigInteger, nullable=False),
        sa.Column("score_max", sa.Integer, nullable=True),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("assignee", sa.String(254), nullable=True),
        sa.Column("claimed_by", sa.String(254), nullable=True),
        sa.Column("claimed_until", sa.BigInteger, nullable=True),
        sa.Column("snoozed_until", sa.BigInteger, nullable=True),
        sa.Column("escalated_by", sa.String(254), nullable=True),
        sa.Column("finding", sa.String(16), nullable=True),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("closed_by", sa.String(254), nullable=True),
        sa.Column("closed_at", sa.BigInteger, nullable=True),
        sa.Column("known_at", sa.BigInteger, nullable=True),
        sa.Column("closed_from", sa.String(16), nullable=True),
        sa.Column("tags", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=True),
        sa.Column("queue", sa.String(16), nullable=False),
        sa.Column("urgency", sa.Float, nullable=False),
        sa.Column("published", sa.Integer, nullable=False),
        sa.Column("settled_at", sa.BigInteger, nullable=True),
    )


def _index_cases() -> None:
    op.create_index("ix_cases_queue", "cases", ["queue", "urgency", "id"])
    op.create_index("ix_cases_ready", "cases", ["queue", "claimed_until", "snoozed_until", "assignee"])
    op.create_index(
        "ix_cases_tagged",
        "cases",
        ["queue", "tags", "id"],
        sqlite_where=sa.text("tags <> '[]'"),
        postgresql_where=sa.text("tags <> '[]'"),
    )
    op.create_index("ix_cases_due", "cases", ["queue", "due_at", "id"])
    op.create_index("ix_cases_closed", "cases", ["queue", "closed_at", "id"])
    op.create_index("ix_cases_assignee", "cases", ["assignee", "queue", "urgency"])
    op.create_index("ix_cases_entity", "cases", ["entity_kind", "entity"])
    op.create_index("ix_cases_origin", "cases", ["origin", "queue", "closed_at"])
    op.create_index(
        "uq_cases_open_entity",
        "cases",
        ["entity_kind", "entity"],
        unique=True,
        sqlite_where=sa.text("queue <> 'closed'"),
        postgresql_where=sa.text("queue <> 'closed'"),
    )
    op.create_index(
        "ix_cases_unpublished",
        "cases",
        ["changed_at"],
        sqlite_where=sa.text("published < version"),
        postgresql_where=sa.text("published < version"),
    )


def _make_case_payments() -> None:
    op.create_table(
        "case_payments",
        sa.Column("transaction_id", sa.String(160), primary_key=True),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("event_time", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.Float, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("score", sa.Integer, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.Column("blind", sa.Boolean, nullable=False),
        sa.Column("decision", sa.Text, nullable=True),
    )
    op.create_index("ix_case_payments_case_id", "case_payments", ["case_id"])


def _make_case_changes() -> None:
    op.create_table(
        "case_changes",
        sa.Column("case_id", sa.String(32), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.String(254), nullable=False),
        sa.Column("action", sa.Text, nullable=False),
    )


def _make_case_labels() -> None:
    op.create_table(
        "case_labels",
        sa.Column("transaction_id", sa.String(160), primary_key=True),
        sa.Column("source", sa.String(16), primary_key=True),
        sa.Column("known_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("fraud", sa.Boolean, nullable=True),
        sa.Column("note", sa.Text, nullable=True),
    )


def _make_label_outbox() -> None:
    op.create_table(
        "label_outbox",
        sa.Column("transaction_id", sa.String(160), primary_key=True),
        sa.Column("known_at", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("case_id", sa.String(32), nullable=False),
        sa.Column("fraud", sa.Boolean, nullable=True),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("ready_at", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.Boolean, nullable=False),
    )
    op.create_index("ix_label_outbox_case_id", "label_outbox", ["case_id"])
    op.create_index("ix_label_outbox_ready_at", "label_outbox", ["ready_at"])


def _make_positions() -> None:
    op.create_table(
        "positions",
        sa.Column("topic", sa.String(249), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column("last_record", sa.String(64), nullable=True),
    )
