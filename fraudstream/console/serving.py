"""Runs the console."""

import logging

from fraudstream.adapters.database.engine import opened
from fraudstream.console.app import Console
from fraudstream.console.intake.feed import CaseFeed
from fraudstream.console.rooms import ROOMS
from fraudstream.process import http_server
from fraudstream.settings import Settings

logger = logging.getLogger(__name__)


def serve(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C; raises SetupError."""
    address = http_server.Address(
        "console",
        "FRAUDSTREAM_CONSOLE",
        settings.console_host,
        settings.console_port,
        settings.console_certificate_file,
        settings.console_certificate_key_file,
    )
    address.check()
    console = Console(settings, opened(settings.database_url), ROOMS)
    console.beside("reading alerts", CaseFeed(settings, console.engine).run)
    if not console.secure and not address.is_loopback:
        logger.warning(
            "passwords and cookies go over the network without TLS, and %s can be reached by others",
            address.host,
        )
    if not console.people.all():
        logger.warning("nobody can log in yet; add somebody with: fraudstream users add NAME --role admin")
    http_server.serve(console.app, address, "")
