"""Runs the API."""

import logging

from sqlalchemy import Engine

from fraudstream.adapters.database.engine import opened
from fraudstream.adapters.extras import check_installed
from fraudstream.api.app import Api
from fraudstream.process import http_server
from fraudstream.process.tuning import calm_garbage_collection
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)


def database_of(settings: Settings) -> Engine | None:
    """Return the database, None if nothing of it is needed; raises SetupError."""
    if settings.api_without_keys and not settings.api_fraud_detector:
        return None
    return opened(settings.database_url)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; raises SetupError."""
    address = http_server.Address(
        "API",
        "FRAUDSTREAM_API",
        settings.api_host,
        settings.api_port,
        settings.api_certificate_file,
        settings.api_certificate_key_file,
    )
    address.check()
    if settings.api_fraud_detector:
        check_installed("botocore", what="Amazon Fraud Detector's protocol")
    if settings.api_without_keys and not address.is_loopback:
        logger.warning("requests need no key, and %s can be reached by others", address.host)
    api = Api(settings, database_of(settings))
    calm_garbage_collection()
    http_server.serve(api.app, address, ", described at /docs")
