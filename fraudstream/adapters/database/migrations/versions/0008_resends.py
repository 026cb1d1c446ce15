"""Records that were sent again after a dead letter."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "resends",
        sa.Column("place", sa.String(320), primary_key=True),
        sa.Column("person", sa.String(254), nullable=False),
        sa.Column("begun_at", sa.BigInteger, nullable=False),
        sa.Column("from_offset", sa.BigInteger, nullable=False),
        sa.Column("sent_at", sa.BigInteger, nullable=True),
        sa.Column("sent_offset", sa.BigInteger, nullable=True),
    )


def downgrade() -> None:
    """Remove the table."""
    op.drop_table("resends")
