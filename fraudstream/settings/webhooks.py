"""Webhooks: alerts sent to addresses of other programs."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings


class WebhookSettings(BaseSettings):
    """Where webhooks may go, how long they are tried, and what signs them."""

    webhooks_key_file: Path | None = Field(
        None,
        description="File with the key that the secrets of webhooks are made of. Default: <data_dir>/webhooks.key, made on first use. Keep it: with another one all secrets are others.",
    )
    webhooks_private_addresses: bool = Field(
        False,
        description="Also send webhooks to addresses that are not public, such as 10.0.0.5 or a loopback one, and over http.",
    )
    webhooks_timeout_s: float = Field(
        10.0, gt=0, le=60, description="How long a receiver of a webhook may take to answer, in s."
    )
    webhooks_give_up_after_s: int = Field(
        86_400,
        ge=1,
        description="After how many seconds an event that its receiver has not taken is set aside, until `fraudstream webhooks resend`.",
    )
