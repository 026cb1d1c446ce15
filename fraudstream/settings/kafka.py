"""How to reach Kafka, and what our topics and consumer group are called."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from fraudstream.domain.names import NAME_PATTERN


class KafkaSettings(BaseSettings):
    """Connection, login, names and partitions."""

    broker: str = Field(
        "localhost:9092", description="Kafka bootstrap servers, host:port separated by commas."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT",
        description="How every Kafka client of ours connects: SSL encrypts, SASL_SSL also logs in. Use one of them for every broker "
        "that is not on this machine.",
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="How to log in to Kafka (SASL_SSL)."
    )
    kafka_username: str | None = Field(None, description="Kafka user name (SASL_SSL).")
    kafka_password_file: Path | None = Field(
        None,
        description="File with the password for Kafka; takes precedence over FRAUDSTREAM_KAFKA_PASSWORD.",
    )
    kafka_password: SecretStr | None = Field(
        None,
        description="The password for Kafka itself; a file is safer, because every child process sees the environment.",
    )
    kafka_login_in_clear: bool = Field(
        False, description="Allow SASL_PLAINTEXT, which sends login and payments unencrypted."
    )
    kafka_ca_file: Path | None = Field(
        None,
        description="PEM file of the authority that signed the brokers' certificates; no other is then trusted. Default: the "
        "system's authorities.",
    )
    kafka_certificate_file: Path | None = Field(
        None, description="PEM file of the client certificate, for brokers that require one (mutual TLS)."
    )
    kafka_certificate_key_file: Path | None = Field(
        None,
        description="PEM file of the client certificate's key, unencrypted. Default: the key in the certificate's file.",
    )
    schema_registry_url: str | None = Field(
        None,
        pattern=r"^https?://[^@]+$",
        examples=["https://registry.example:8081"],
        description="URL of the schema registry (Confluent's API). Event types whose records are Avro, Protobuf or JSON Schema need it.",
    )
    schema_registry_username: str | None = Field(None, description="User name for the schema registry.")
    schema_registry_password_file: Path | None = Field(
        None, description="File with the password for the schema registry."
    )
    app_id: str = Field(
        "fraudstream",
        pattern=rf"^{NAME_PATTERN}$",
        examples=["fraudstream"],
        description="Consumer group, and prefix of the changelog topic. Workers with the same value share the partitions.",
    )
    topic_prefix: str = Field(
        "",
        pattern=rf"^({NAME_PATTERN})?$",
        examples=["test-"],
        description="Put before every topic name, e.g. `test-`.",
    )
    partitions: int = Field(
        4,
        ge=1,
        le=1024,
        description="Partitions of the topics we create. At most as many workers as partitions have work; each partition adds "
        "two record batches to a worker's micro-batch.",
    )
    replication: int = Field(1, ge=1, le=7, description="Replicas of the topics we create; 3 in production.")
