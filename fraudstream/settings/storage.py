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
        description="Directory of this worker's RocksDB; every worker process needs its own. Default: <data_dir>/state/<app_id>.",
    )
    card_token_key_file: Path | None = Field(
        None,
        description="File with the keys that turn entities, such as card numbers, into tokens (see docs/security.md); all workers "
        "and the nightly job need the same file. Default: <data_dir>/card-token.key, created on first use.",
    )
    card_token_keys: SecretStr | None = Field(
        None,
        description="The lines of the key file themselves, separated by line breaks or commas; FRAUDSTREAM_CARD_TOKEN_KEY_FILE takes precedence.",
    )

    models: str | None = Field(
        None,
        description="Where model versions are kept: a directory or s3://bucket/prefix (with the credentials of the AWS configuration). "
        "Default: <data_dir>/models.",
    )
    archive: str | None = Field(
        None,
        description="Where `fraudstream archive` keeps decided payments: a directory or s3://bucket/prefix (with the credentials of the "
        "AWS configuration). Default: <data_dir>/archive.",
    )
    archive_interval_s: float = Field(
        60.0,
        gt=0,
        description="How often the archiver writes, in seconds; a decision is archived after at most this time while Kafka and the archive answer.",
    )
    archive_rows_max: int = Field(
        100_000,
        ge=1,
        description="Number of collected decisions at which the archiver writes before the interval is over.",
    )

    nightly_cron: str | None = Field(
        None,
        description="When one of the workers runs the nightly job, `fraudstream aggregate --catch-up` and then `fraudstream store load` (unless the store is "
        "`snapshot`): a cron expression in UTC such as `10 0 * * *`. Needs the extra `offline`. Default: never; run the commands yourself.",
    )
    nightly_history: str | None = Field(
        None,
        description="Payments that the nightly job reads, e.g. the archive: a directory or s3://bucket/prefix. Default: <data_dir>/history.",
    )
