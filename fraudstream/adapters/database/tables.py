"""The tables, declared once; migrations make them."""

from sqlalchemy import BigInteger, Column, Float, ForeignKey, Integer, MetaData, String, Table, Text

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

USERS = Table(
    "users",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("name", String(254), nullable=False, unique=True),
    Column("shown", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=True),
    Column("time_zone", String(64), nullable=False),
    Column("money_style", String(16), nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("disabled_at", BigInteger, nullable=True),
    Column("oidc_subject", Text, nullable=True, unique=True),
)
"""People of the console; names are in lower case. Without a password they have not accepted their invitation, or log in by OIDC."""

SESSIONS = Table(
    "sessions",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("user_id", String(16), ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False, index=True),
    Column("agent", Text, nullable=False),
)
"""Logins of people, by the hash of what their cookie says; `agent` is how the browser calls itself."""

INVITATIONS = Table(
    "invitations",
    METADATA,
    Column("sha256", String(64), primary_key=True),
    Column("user_id", String(16), ForeignKey("users.id"), nullable=False, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)
"""Links by which people set a password, by the hash of what the link says; deleted once used."""

LOGIN_FAILURES = Table(
    "login_failures",
    METADATA,
    Column("name_sha256", String(64), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", BigInteger, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
)
"""Wrong passwords in a row, by the hash of the name that was given, whether there is such a user or not."""

AUDIT = Table(
    "audit",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False, index=True),
    Column("person", String(254), nullable=False, index=True),
    Column("action", String(64), nullable=False, index=True),
    Column("subject", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)
"""What people have changed; only ever appended to. Details are JSON; each entry has the hash of the one before."""

PROPOSALS = Table(
    "proposals",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("kind", String(32), nullable=False),
    Column("subject", Text, nullable=False),
    Column("document", Text, nullable=False),
    Column("note", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("proposed_by", String(254), nullable=False),
    Column("proposed_at", BigInteger, nullable=False),
    Column("decided_by", String(254), nullable=True),
    Column("decided_at", BigInteger, nullable=True),
    Column("problem", Text, nullable=False),
)
"""What one person wants to do and another has to approve; documents are JSON, people are named as in `users`."""
