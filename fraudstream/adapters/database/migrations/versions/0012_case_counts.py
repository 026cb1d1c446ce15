"""Snoozed cases, and those with much money at risk, are found without reading all of their queue."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    """Make the indexes; SQLite did not use the one of the snoozed cases beside another condition."""
    op.drop_index("ix_cases_snoozed", "cases")
    op.create_index("ix_cases_snoozed", "cases", ["queue", "snoozed_until", "id"])
    op.create_index("ix_cases_at_risk", "cases", ["queue", "at_risk_thousandths", "id"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_cases_at_risk", "cases")
    op.drop_index("ix_cases_snoozed", "cases")
    op.create_index("ix_cases_snoozed", "cases", ["snoozed_until"])
