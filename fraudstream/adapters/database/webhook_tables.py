"""The tables of webhooks; migrations make them."""

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, String, Table, Text

from fraudstream.adapters.database.tables import METADATA

WEBHOOKS = Table(
    "webhooks",
    METADATA,
    Column("id", String(16), primary_key=True),
    Column("url", Text, nullable=False),
    Column("sources", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("secret_sha256", String(64), nullable=False),
    Column("runner", String(32), nullable=True),
    Column("runner_until", BigInteger, nullable=False),
    Column("delivered", BigInteger, nullable=False),
    Column("delivered_at", BigInteger, nullable=True),
    Column("problem", Text, nullable=False),
    Column("problem_at", BigInteger, nullable=True),
)
"""Receivers of events; `runner` is the process that sends to one, until it has said nothing for a while."""

WEBHOOK_POSITIONS = Table(
    "webhook_positions",
    METADATA,
    Column("webhook_id", String(16), ForeignKey("webhooks.id"), primary_key=True),
    Column("topic", String(256), primary_key=True),
    Column("partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)
"""Up to where the events of a topic have become deliveries of a webhook."""

WEBHOOK_DELIVERIES = Table(
    "webhook_deliveries",
    METADATA,
    Column("webhook_id", String(16), ForeignKey("webhooks.id"), primary_key=True),
    Column("event_id", String(300), primary_key=True),
    Column("body", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False, index=True),
    Column("failed_at", BigInteger, nullable=True),
    Column("problem", Text, nullable=False),
)
"""Events that a receiver has not taken yet; with `failed_at` they are not sent any more unless somebody wants it."""
