"""Whose cases, and snoozed cases, are found without reading all that wait."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the indexes."""
    op.create_index("ix_cases_claimed", "cases", ["claimed_by", "queue"])
    op.create_index("ix_cases_snoozed", "cases", ["snoozed_until"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_cases_snoozed", "cases")
    op.drop_index("ix_cases_claimed", "cases")
