"""Every setting, its default and what it is for; read from FRAUDSTREAM_* variables and `.env`."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from fraudstream.adapters import token_keys
from fraudstream.domain.names import NAME_PATTERN
from fraudstream.domain.tokens import Tokenizer
from fraudstream.domain.weekly import MIDNIGHTS_KEPT


class Settings(BaseSettings):
    """The worker's and the commands' settings; immutable once read."""

    model_config = SettingsConfigDict(
        env_prefix="FRAUDSTREAM_", env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    # Kafka
    broker: str = Field(
        "localhost:9092", description="Kafka bootstrap servers, host:port separated by commas."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_SSL", "SASL_PLAINTEXT"] = Field(
        "PLAINTEXT",
        description="How every Kafka client of ours connects: SSL encrypts, SASL_SSL also logs in. Anything but a broker on "
        "this machine wants one of them.",
    )
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="How to log in to Kafka (SASL_SSL)."
    )
    kafka_username: str | None = Field(None, description="Whom to log in to Kafka as (SASL_SSL).")
    kafka_password_file: Path | None = Field(
        None, description="File with the password for Kafka; counts before FRAUDSTREAM_KAFKA_PASSWORD."
    )
    kafka_password: SecretStr | None = Field(
        None,
        description="The password itself; a file is better, because every child process sees the environment.",
    )
    kafka_login_in_clear: bool = Field(
        False, description="Allow SASL_PLAINTEXT, which shows login and payments to whoever listens."
    )
    kafka_ca_file: Path | None = Field(
        None,
        description="PEM of the authority that signed the brokers' certificates; then no other is believed. Default: the "
        "system's.",
    )
    kafka_certificate_file: Path | None = Field(
        None, description="PEM of our own certificate, for brokers that ask for one (mutual TLS)."
    )
    kafka_certificate_key_file: Path | None = Field(
        None, description="PEM of its key, unencrypted. Default: in the certificate's file."
    )
    app_id: str = Field(
        "fraudstream",
        pattern=rf"^{NAME_PATTERN}$",
        description="Consumer group and prefix of the changelog topic; workers that share it share the work.",
    )
    topic_prefix: str = Field(
        "", pattern=rf"^({NAME_PATTERN})?$", description="Put before every topic name, e.g. `test-`."
    )
    partitions: int = Field(
        4,
        ge=1,
        le=1024,
        description="Partitions of the topics we create; no more workers than partitions have work. Each costs a worker "
        "two record batches per micro-batch.",
    )
    replication: int = Field(1, ge=1, le=7, description="Replicas of the topics we create; 3 in production.")

    # Where things are kept
    data_dir: Path = Field(
        Path(".fraudstream"),
        description="Root of history, weekly aggregates, models, state and the embedded broker.",
    )
    state_dir: Path | None = Field(
        None,
        description="RocksDB of this worker; one per worker process. Default: <data_dir>/state/<app_id>.",
    )
    card_token_key_file: Path | None = Field(
        None,
        description="File with the secrets that turn card numbers into tokens (see docs/security.md). Default: "
        "<data_dir>/card-token.key, created on first use; share it between the workers and the nightly job.",
    )
    card_token_keys: SecretStr | None = Field(
        None,
        description="The lines of such a file themselves, also with commas between; a file that is named counts before it.",
    )

    archive: str | None = Field(
        None,
        description="Where `fraudstream archive` keeps decided payments: a directory or s3://bucket/prefix (AWS's own "
        "configuration says who we are). Default: <data_dir>/archive.",
    )
    archive_interval_s: float = Field(
        60.0,
        gt=0,
        description="How often the archiver writes; a decision is in the archive no later than this.",
    )
    archive_rows_max: int = Field(
        100_000, ge=1, description="Decisions the archiver gathers before it writes early."
    )

    nightly_cron: str | None = Field(
        None,
        description="When one of the workers runs `fraudstream aggregate --catch-up` and, unless it is `snapshot`, loads the weekly store (UTC, as in cron: `10 0 * * *`); needs the "
        "extra `offline`. Default: never, you run it.",
    )
    nightly_history: Path | None = Field(
        None, description="What the nightly job reads, e.g. the archive. Default: <data_dir>/history."
    )

    # Decisions
    event_type: str = Field("card", pattern=r"^[a-z0-9_-]{1,64}$", description="Which event type to decide.")
    model: str = Field(
        "current",
        pattern=rf"^{NAME_PATTERN}$",
        description="Model version to score with; `current` follows models/current.",
    )
    fraud_threshold: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="FRAUD_THRESHOLD: probability above which a payment is called fraud. Default: the model's.",
    )
    lookup_timeout_ms: int = Field(
        50,
        ge=1,
        le=10_000,
        description="How long a payment waits for weekly aggregates before it is decided without them.",
    )
    weekly_kept: int = Field(
        MIDNIGHTS_KEPT,
        ge=2,
        description="Midnights whose weekly aggregates stay on disk and in memory; more to replay more than a day.",
    )
    weekly_store: str = Field(
        "snapshot",
        pattern=r"^(snapshot|disk|sagemaker://[a-zA-Z0-9]([-_]*[a-zA-Z0-9]){0,63}|rediss?://[^@/]+(/\d+)?)$",
        description="Where workers look weekly aggregates up: `snapshot` (in memory), `disk` (when they outgrow it), "
        "`sagemaker://<feature group>`, `redis://host:port/0` or `rediss://...` (TLS); all but the first are filled with `fraudstream store load`.",
    )
    weekly_cache_cards: int = Field(
        200_000,
        ge=0,
        description="Most weeks a worker remembers of a store that is not in its memory; 0: none.",
    )
    weekly_password_file: Path | None = Field(None, description="File with the password of Redis.")
    weekly_endpoint_url: str | None = Field(
        None,
        pattern=r"^https?://",
        description="Where Feature Store is. Default: AWS's endpoint of the region.",
    )
    weekly_region: str | None = Field(
        None, description="Region of Feature Store. Default: AWS's configuration."
    )
    weekly_profile: str | None = Field(None, description="Profile of AWS's configuration to use.")
    lateness_horizon_s: int = Field(
        3600,
        ge=0,
        description="How far behind the newest payment a late one may be and still find its ten minutes kept whole.",
    )
    future_tolerance_s: int = Field(
        600,
        ge=0,
        description="How far a payment's time may lie after its Kafka timestamp before it is a dead letter.",
    )

    # Throughput and latency
    batch_rows_max: int = Field(2048, ge=1, description="Most payments decided in one micro-batch.")
    chunk_rows_max: int = Field(
        512, ge=1, description="Most records of one partition delivered as one Faust event."
    )
    pending_rows_max: int = Field(
        16_384,
        ge=1,
        description="Most payments fetched and not yet decided; bounds the memory they take.",
    )
    linger_ms: float = Field(
        0.0,
        ge=0,
        le=1000,
        description="How long a micro-batch waits for company beyond what was fetched with it.",
    )
    session_timeout_s: float = Field(
        6.0,
        gt=0,
        description="How long a silent worker keeps its partitions. 6 is the least Kafka allows by default; a killed worker's "
        "payments are decided again after a little more.",
    )
    stall_timeout_s: float = Field(
        40.0,
        gt=0,
        description="How long a recovery or a rebalance may make no progress before the worker ends itself. A rebalance may "
        "wait 30 s for another worker, so less also ends workers that do nothing wrong.",
    )
    commit_interval_s: float = Field(
        1.0, gt=0, description="How often offsets are committed; bounds what a restart replays."
    )

    exactly_once_outputs: bool = Field(
        False,
        description="Publish decisions, alerts, dead letters and source offsets in one transaction: who reads committed sees "
        "each decision once, whatever fails. Costs latency. Change it only while no worker runs.",
    )

    # Pages
    web: bool = Field(True, description="Serve the dashboard, table views and JSON.")
    web_host: str = Field(
        "127.0.0.1",
        description="Address the pages bind to; anything but loopback needs a login (the next two) or your word that it "
        "does not.",
    )
    web_port: int = Field(6066, ge=0, le=65535, description="Port of the pages; 0 picks a free one.")
    web_users_file: Path | None = Field(
        None, description="Who may log in to the pages: lines `name:scrypt-hash` from `fraudstream web-user`."
    )
    web_token_file: Path | None = Field(
        None,
        description="File with a token (`openssl rand -hex 32`) that opens the pages, too: workers show it to each other, "
        "Prometheus to them.",
    )
    web_without_login: bool = Field(
        False, description="Let pages that others can reach be without login: your own proxy asks for one."
    )
    web_builtin_pages: bool = Field(
        False, description="Also serve Faust's own table, router and statistics pages."
    )

    @classmethod
    def with_options(cls, **options: Any) -> Self:
        """Read the settings; a command's options that are not None count before the environment."""
        return cls(**{name: value for name, value in options.items() if value is not None})

    @property
    def history_dir(self) -> Path:
        """Parquet of past payments, one directory a day."""
        return self.data_dir / "history"

    @property
    def archive_place(self) -> str:
        """Directory or s3:// URL of the archive."""
        return self.archive or str(self.data_dir / "archive")

    @property
    def weekly_dir(self) -> Path:
        """Snapshots of weekly aggregates, one a midnight."""
        return self.data_dir / "weekly"

    @property
    def weekly_disk_dir(self) -> Path:
        """Weekly aggregates of the store `disk`, one file a midnight."""
        return self.data_dir / "weekly-disk"

    @property
    def models_dir(self) -> Path:
        """Model versions; the file `current` names the active one."""
        return self.data_dir / "models"

    @property
    def worker_state_dir(self) -> Path:
        """RocksDB of this worker."""
        return self.state_dir or self.data_dir / "state" / self.app_id

    def topic(self, name: str) -> str:
        """Return the full name of a topic."""
        return f"{self.topic_prefix}{name}"

    @property
    def card_token_key_path(self) -> Path:
        """Where the keys of card tokens are, unless they are in the environment."""
        return self.card_token_key_file or self.data_dir / "card-token.key"

    @property
    def has_card_token_keys(self) -> bool:
        """Whether cards can be known by their tokens here, without making a key."""
        return self.card_token_keys is not None or self.card_token_key_path.exists()

    def tokenizer(self) -> Tokenizer:
        """Return what turns card numbers into tokens; a key is made on first use unless a file was named."""
        if self.card_token_keys is not None and self.card_token_key_file is None:
            return token_keys.parsed(self.card_token_keys.get_secret_value(), "FRAUDSTREAM_CARD_TOKEN_KEYS")
        path = self.card_token_key_path
        if not path.exists() and self.card_token_key_file is None:
            token_keys.make_first(path)
        return token_keys.read(path)

    def card_token_key(self) -> bytes:
        """Return the secret of the newest key."""
        return self.tokenizer().key
