"""Login to the console by an OpenID Connect provider."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings

from fraudstream.domain.people import Role


class OidcSettings(BaseSettings):
    """The provider, and who it lets in."""

    oidc_issuer: str | None = Field(
        None,
        pattern=r"^https?://\S+$",
        examples=["https://login.example.com/realms/bank"],
        description="URL of an OpenID Connect provider by which people can log in to the console, beside passwords. Needs "
        "FRAUDSTREAM_CONSOLE_URL; the provider has to know <that URL>/oidc/callback.",
    )
    oidc_client_id: str = Field("fraudstream", description="What the provider calls the console.")
    oidc_client_secret_file: Path | None = Field(
        None,
        description="File with the secret that the provider has given to the console; without one PKCE alone protects a login.",
    )
    oidc_name_claim: str = Field(
        "email",
        description="Which claim is the name that somebody was invited by; an `email` counts only if the provider has verified it.",
    )
    oidc_role: Role | None = Field(
        None,
        description="Role of people whom the provider lets in and nobody has invited. Default: they are not let in.",
    )
