"""The pages a worker serves."""

from pathlib import Path

from pydantic import Field
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
    web_builtin_pages: bool = Field(
        False, description="Also serve Faust's own table, router and statistics pages."
    )
