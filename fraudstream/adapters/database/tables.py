"""The tables, declared once; migrations make them."""

from sqlalchemy import BigInteger, Column, Float, Integer, MetaData, String, Table, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
    }
)
"""Names of constraints that migrations can refer to, in SQLite and PostgreSQL alike."""

API_KEYS = Table(
    "api_keys",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("events_per_s", Float, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=True),
    Column("revoked_at", BigInteger, nullable=True),
)
"""Keys of programs. Times are epoch milliseconds; of the secret only its hash is kept."""

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("title", Text, nullable=False),
    Column("state", String(16), nullable=False),
    Column("progress", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=True),
    Column("heartbeat", BigInteger, nullable=False),
    Column("started", BigInteger, nullable=False),
    Column("finished", BigInteger, nullable=True),
    Column("message", Text, nullable=False),
)
"""Work that takes long, and how far it has come. Times are epoch milliseconds."""
RESOURCES = Table(
    "resources",
    METADATA,
    Column("kind", String(32), primary_key=True),
    Column("name", String(256), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("document", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)
"""Definitions for Amazon Fraud Detector's protocol; documents are JSON, times are epoch milliseconds."""
