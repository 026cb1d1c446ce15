"""The pages a worker serves."""

from ipaddress import ip_network
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings


class PageSettings(BaseSettings):
    """Address, port and login."""

    web: bool = Field(True, description="Serve the dashboard, table views and JSON.")
    web_host: str = Field(
        "127.0.0.1",
        description="Address that the pages bind to. Any but a loopback address needs a login (FRAUDSTREAM_WEB_USERS_FILE or "
        "FRAUDSTREAM_WEB_TOKEN_FILE), or FRAUDSTREAM_WEB_WITHOUT_LOGIN=true.",
    )
    web_port: int = Field(6066, ge=0, le=65535, description="Port of the pages; 0 picks a free one.")
    web_users_file: Path | None = Field(
        None,
        description="File of the users who may log in to the pages: lines `name:scrypt-hash`, written by `fraudstream web-user`.",
    )
    web_token_file: Path | None = Field(
        None,
        description="File with a token (`openssl rand -hex 32`) that is accepted instead of a user's login: workers send it to each "
        "other, and Prometheus sends it to workers.",
    )
    web_without_login: bool = Field(
        False,
        description="Serve pages without login on an address that others can reach; use it behind a proxy that requires a login.",
    )
    web_base_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]{1,64}){0,8}$",
        examples=["/fraud"],
        description="Path below which a proxy serves the pages, e.g. `/fraud`: links begin with it. Requests may come with or without it.",
    )
    web_hosts: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._, -]*$",
        examples=["pay.example.com,10.0.0.7"],
        description="Host names, separated by commas, under which the pages answer, besides this machine's own names. If it is not set, "
        "pages bound to loopback answer under this machine's names only, and others under any name.",
    )
    web_proxies: str = Field(
        "",
        examples=["127.0.0.1,10.0.0.0/8"],
        description="Addresses or networks, separated by commas, of the proxies whose headers `X-Forwarded-For`, `-Host` and `-Prefix` "
        "are trusted.",
    )
    web_builtin_pages: bool = Field(
        False, description="Also serve Faust's own table, router and statistics pages."
    )

    @field_validator("web_proxies")
    @classmethod
    def _networks(cls, text: str) -> str:
        """Refuse what is no list of addresses."""
        for network in filter(None, map(str.strip, text.split(","))):
            ip_network(network)
        return text
