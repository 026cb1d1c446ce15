"""Every setting, its default and what it is for; read from FRAUDSTREAM_* variables and `.env`.

One file per subject declares the fields; `Settings` has all of them.
"""

from pathlib import Path
from typing import Any, Self

from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from fraudstream.adapters.secrets import token_keys
from fraudstream.domain.tokens import Tokenizer
from fraudstream.settings.api import ApiSettings
from fraudstream.settings.console import ConsoleSettings
from fraudstream.settings.decisions import DecisionSettings
from fraudstream.settings.kafka import KafkaSettings
from fraudstream.settings.oidc import OidcSettings
from fraudstream.settings.pages import PageSettings
from fraudstream.settings.storage import StorageSettings
from fraudstream.settings.throughput import ThroughputSettings
from fraudstream.settings.variables import PREFIX, refuse_unknown
from fraudstream.settings.webhooks import WebhookSettings

__all__ = ["Settings"]


class Settings(
    WebhookSettings,
    OidcSettings,
    ConsoleSettings,
    ApiSettings,
    PageSettings,
    ThroughputSettings,
    DecisionSettings,
    StorageSettings,
    KafkaSettings,
):
    """The worker's and the commands' settings; immutable once read. Pydantic lists the fields from the last base on."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read options, environment and `.env` in this order; raises SetupError if a variable is misspelt."""
        sources = (init_settings, env_settings, dotenv_settings)
        for source in sources:
            if isinstance(source, EnvSettingsSource):
                where = "in .env" if isinstance(source, DotEnvSettingsSource) else "in the environment"
                refuse_unknown(source.env_vars, cls.model_fields, where)
        return sources

    @classmethod
    def with_options(cls, **options: Any) -> Self:
        """Read the settings; a command's options that are not None take precedence over the environment."""
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
    def models_place(self) -> str:
        """Directory or s3:// URL of the model versions of all event types."""
        return self.models or str(self.data_dir / "models")

    @property
    def database_url(self) -> str:
        """Address of the database."""
        return self.database or f"sqlite:///{(self.data_dir / 'fraudstream.db').absolute()}"

    @property
    def webhooks_key_path(self) -> Path:
        """Where the key is that the secrets of webhooks are made of."""
        return self.webhooks_key_file or self.data_dir / "webhooks.key"

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
        """Whether there are keys to compute card tokens, without making one."""
        return self.card_token_keys is not None or self.card_token_key_path.exists()

    def tokenizer(self) -> Tokenizer:
        """Return the tokenizer of card numbers; a key is made on first use unless a file is named."""
        if self.card_token_keys is not None and self.card_token_key_file is None:
            return token_keys.parsed(self.card_token_keys.get_secret_value(), "FRAUDSTREAM_CARD_TOKEN_KEYS")
        path = self.card_token_key_path
        if not path.exists() and self.card_token_key_file is None:
            token_keys.make_first(path)
        return token_keys.read(path)

    def card_token_key(self) -> bytes:
        """Return the secret of the newest key."""
        return self.tokenizer().key
