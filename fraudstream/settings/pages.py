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
        description="Address the pages bind to; anything but loopback needs a login (the next two), or set "
        "FRAUDSTREAM_WEB_WITHOUT_LOGIN=true.",
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
    web_base_path: str = Field(
        "",
        pattern=r"^(/[A-Za-z0-9._~-]{1,64}){0,8}$",
        examples=["/fraud"],
        description="Part of a proxy's addresses that is the pages', e.g. `/fraud`: links begin with it; requests may have it or not.",
    )
    web_hosts: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._, -]*$",
        examples=["pay.example.com,10.0.0.7"],
        description="Host names, with commas, that the pages answer to besides this machine's own. Bound to loopback they answer to "
        "no others; elsewhere to all, unless this is set.",
    )
    web_proxies: str = Field(
        "",
        examples=["127.0.0.1,10.0.0.0/8"],
        description="Addresses or networks, with commas, of proxies that are believed what they say of the client "
        "(`X-Forwarded-For`, `-Host`, `-Prefix`).",
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
