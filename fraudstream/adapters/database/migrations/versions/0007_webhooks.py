"""Webhooks, and what is to be sent to each."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "webhooks",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("sources", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("secret_sha256", sa.String(64), nullable=False),
        sa.Column("runner", sa.String(32), nullable=True),
        sa.Column("runner_until", sa.BigInteger, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("delivered_at", sa.BigInteger, nullable=True),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("problem_at", sa.BigInteger, nullable=True),
    )
    op.create_table(
        "webhook_positions",
        sa.Column("webhook_id", sa.String(16), sa.ForeignKey("webhooks.id"), primary_key=True),
        sa.Column("topic", sa.String(256), primary_key=True),
        sa.Column("partition", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("webhook_id", sa.String(16), sa.ForeignKey("webhooks.id"), primary_key=True),
        sa.Column("event_id", sa.String(300), primary_key=True),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger, nullable=False, index=True),
        sa.Column("failed_at", sa.BigInteger, nullable=True),
        sa.Column("problem", sa.Text, nullable=False),
    )


def downgrade() -> None:
    """Remove them."""
    for table in ("webhook_deliveries", "webhook_positions", "webhooks"):
        op.drop_table(table)
