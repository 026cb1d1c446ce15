"""Where data is kept, and when it is written."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings


class StorageSettings(BaseSettings):
    """Directories, token keys, archive and nightly job."""

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
