"""Runs the API: a socket, uvicorn, and an end in order."""

import logging
import socket

import uvicorn
from sqlalchemy import Engine

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.extras import check_installed
from fraudstream.api.app import Api
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
CONNECTIONS_MAX = 2_000
"""More connections are answered with 503."""

IDLE_S = 30
"""After so long an idle connection is closed."""


def database_of(settings: Settings) -> Engine | None:
    """Return the database, None if nothing of it is needed; raises SetupError."""
    if settings.api_without_keys and not settings.api_fraud_detector:
        return None
    return opened(settings.database_url)


def listening(settings: Settings) -> socket.socket:
    """Return the socket that the API listens at; raises SetupError."""
    family = socket.AF_INET6 if ":" in settings.api_host else socket.AF_INET
    server = socket.socket(family)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server.bind((settings.api_host, settings.api_port))
    except OSError as error:
        server.close()
        raise SetupError(
            f"the API cannot listen at {settings.api_host}, port {settings.api_port} ({error.strerror}); choose another with "
            "FRAUDSTREAM_API_PORT or --port"
        ) from error
    return server


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; raises SetupError."""
    _check(settings)
    api = Api(settings, database_of(settings))
    server_socket = listening(settings)
    config = uvicorn.Config(
        api.app,
        loop="uvloop",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=5,
        ssl_certfile=settings.api_certificate_file,
        ssl_keyfile=settings.api_certificate_key_file,
    )
    host, port = server_socket.getsockname()[:2]
    scheme = "https" if settings.api_certificate_file else "http"
    logger.info("API at %s://%s:%s, described at /docs", scheme, host, port)
    server = uvicorn.Server(config)
    server.run(sockets=[server_socket])
    if not server.started:
        raise SetupError("the API could not be started; see above")


def _check(settings: Settings) -> None:
    if settings.api_fraud_detector:
        check_installed("botocore", what="Amazon Fraud Detector's protocol")
    if settings.api_without_keys and settings.api_host not in LOOPBACK:
        logger.warning("requests need no key, and %s can be reached by others", settings.api_host)
    if (settings.api_certificate_file is None) != (settings.api_certificate_key_file is None):
        raise SetupError(
            "TLS needs both FRAUDSTREAM_API_CERTIFICATE_FILE and FRAUDSTREAM_API_CERTIFICATE_KEY_FILE"
        )
