"""The tables, declared once; migrations make them."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

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

CASES = Table(
    "cases",
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("origin", String(32), nullable=False),
    Column("entity_kind", String(32), nullable=False),
    Column("entity", String(256), nullable=False),
    Column("card_last4", String(4), nullable=True),
    Column("state", String(16), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("version", Integer, nullable=False),
    Column("payments", Integer, nullable=False),
    Column("at_risk_thousandths", BigInteger, nullable=False),
    Column("score_max", Integer, nullable=True),
    Column("blind", Boolean, nullable=False),
    Column("assignee", String(254), nullable=True),
    Column("claimed_by", String(254), nullable=True),
    Column("claimed_until", BigInteger, nullable=True),
    Column("snoozed_until", BigInteger, nullable=True),
    Column("escalated_by", String(254), nullable=True),
    Column("finding", String(16), nullable=True),
    Column("reason", Text, nullable=False),
    Column("closed_by", String(254), nullable=True),
    Column("closed_at", BigInteger, nullable=True),
    Column("known_at", BigInteger, nullable=True),
    Column("closed_from", String(16), nullable=True),
    Column("tags", Text, nullable=False),
    Column("payload", Text, nullable=True),
    Column("queue", String(16), nullable=False),
    Column("urgency", Float, nullable=False),
    Column("published", Integer, nullable=False),
    Column("settled_at", BigInteger, nullable=True),
    Index("ix_cases_queue", "queue", "urgency", "id"),
    Index("ix_cases_ready", "queue", "claimed_until", "snoozed_until", "assignee"),
    Index(
        "ix_cases_tagged",
        "queue",
        "tags",
        "id",
        sqlite_where=text("tags <> '[]'"),
        postgresql_where=text("tags <> '[]'"),
    ),
    Index("ix_cases_due", "queue", "due_at", "id"),
    Index("ix_cases_closed", "queue", "closed_at", "id"),
    Index("ix_cases_assignee", "assignee", "queue", "urgency"),
    Index("ix_cases_entity", "entity_kind", "entity"),
    Index("ix_cases_origin", "origin", "queue", "closed_at"),
    Index("ix_cases_claimed", "claimed_by", "queue"),
    Index("ix_cases_snoozed", "queue", "snoozed_until", "id"),
    Index("ix_cases_at_risk", "queue", "at_risk_thousandths", "id"),
    Index(
        "uq_cases_open_entity",
        "entity_kind",
        "entity",
        unique=True,
        sqlite_where=text("queue <> 'closed'"),
        postgresql_where=text("queue <> 'closed'"),
    ),
    Index(
        "ix_cases_unpublished",
        "changed_at",
        sqlite_where=text("published < version"),
        postgresql_where=text("published < version"),
    ),
)
"""What is reviewed: the fields of a case, and `queue` (waiting, escalated or closed) and `urgency`, which order the queue.
`published` is the version that the topic `cases` has, `settled_at` when a program took what was found. Tags and payload are
JSON, times are epoch milliseconds. An entity has one open case at most."""

CASE_PAYMENTS = Table(
    "case_payments",
    METADATA,
    Column("transaction_id", String(160), primary_key=True),
    Column("case_id", String(32), nullable=False, index=True),
    Column("event_time", BigInteger, nullable=False),
    Column("amount", Float, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("score", Integer, nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("blind", Boolean, nullable=False),
    Column("decision", Text, nullable=True),
)
"""The payments of cases, each in one case only, with the decision as it was published."""

CASE_CHANGES = Table(
    "case_changes",
    METADATA,
    Column("case_id", String(32), primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("who", String(254), nullable=False),
    Column("action", Text, nullable=False),
)
"""What people did with a case, as JSON, and which version of it that made."""

CASE_LABELS = Table(
    "case_labels",
    METADATA,
    Column("transaction_id", String(160), primary_key=True),
    Column("source", String(16), primary_key=True),
    Column("known_at", BigInteger, primary_key=True, autoincrement=False),
    Column("fraud", Boolean, nullable=True),
    Column("note", Text, nullable=True),
)
"""Labels of payments of cases, as the topic `labels` has them."""

LABEL_OUTBOX = Table(
    "label_outbox",
    METADATA,
    Column("transaction_id", String(160), primary_key=True),
    Column("known_at", BigInteger, primary_key=True, autoincrement=False),
    Column("case_id", String(32), nullable=False, index=True),
    Column("fraud", Boolean, nullable=True),
    Column("note", Text, nullable=False),
    Column("ready_at", BigInteger, nullable=False, index=True),
    Column("taken", Boolean, nullable=False),
)
"""Labels of closed cases that the topic `labels` may not have yet. `taken`: it was begun to publish them."""

POSITIONS = Table(
    "positions",
    METADATA,
    Column("topic", String(249), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("last_record", String(64), nullable=True),
)
"""How far topics were read: stored with what was made of them. `last_record` tells whether a topic is still the same one."""

RESENDS = Table(
    "resends",
    METADATA,
    Column("place", String(320), primary_key=True),
    Column("person", String(254), nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("from_offset", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=True),
    Column("sent_offset", BigInteger, nullable=True),
)
"""Records that somebody has sent again after a dead letter, by their first place; written before, and completed after.
`from_offset`: where their partition ended before, so that one without an end is looked for from there."""

LEASES = Table(
    "leases",
    METADATA,
    Column("name", String(64), primary_key=True),
    Column("holder", String(254), nullable=False),
    Column("until", BigInteger, nullable=False),
)
"""Which process does what only one may do, and until when unless it says so again; epoch milliseconds."""
