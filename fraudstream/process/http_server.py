"""Serves an application of a process over HTTP: a socket, uvicorn, and an end in order."""

import logging
import socket
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from fraudstream.domain.errors import SetupError
from fraudstream.process.http_protocol import BoundedHead

logger = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
CONNECTIONS_MAX = 2_000
"""More connections are answered with 503."""

IDLE_S = 30
"""After so long an idle connection is closed."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an application is served, and by which settings that was said."""

    what: str
    """What messages call it, such as `API`."""
    setting: str
    """How its settings begin, such as FRAUDSTREAM_API."""
    host: str
    port: int
    certificate_file: Path | None
    certificate_key_file: Path | None

    @property
    def scheme(self) -> str:
        """The scheme of its URL."""
        return "https" if self.certificate_file else "http"

    @property
    def is_loopback(self) -> bool:
        """Whether no other machine can reach it."""
        return self.host in LOOPBACK

    def check(self) -> None:
        """Raise SetupError if it cannot speak TLS as it is told to."""
        if (self.certificate_file is None) != (self.certificate_key_file is None):
            raise SetupError(
                f"TLS needs both {self.setting}_CERTIFICATE_FILE and {self.setting}_CERTIFICATE_KEY_FILE"
            )

    def listening(self) -> socket.socket:
        """Return a socket that is bound to it; raises SetupError."""
        server = socket.socket(socket.AF_INET6 if ":" in self.host else socket.AF_INET)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind((self.host, self.port))
        except OSError as error:
            server.close()
            raise SetupError(
                f"the {self.what} cannot listen at {self.host}, port {self.port} ({error.strerror}); choose another with "
                f"{self.setting}_PORT or --port"
            ) from error
        return server


def serve(app: ASGIApp, address: Address, note: str) -> None:
    """Serve an application until SIGTERM or Ctrl-C; `note` is logged after its URL. Raises SetupError."""
    server_socket = address.listening()
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=BoundedHead,
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=5,
        ssl_certfile=address.certificate_file,
        ssl_keyfile=address.certificate_key_file,
    )
    host, port = server_socket.getsockname()[:2]
    logger.info("%s at %s://%s:%s%s", address.what, address.scheme, host, port, note)
    server = uvicorn.Server(config)
    server.run(sockets=[server_socket])
    if not server.started:
        raise SetupError(f"the {address.what} could not be started; see above")
