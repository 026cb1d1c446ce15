"""Errors of the embedded broker; each message is one sentence that says what to do."""

from fraudstream.domain.errors import SetupError


class BrokerError(SetupError):
    """The embedded broker cannot be installed, started or stopped."""


class PortTaken(BrokerError):
    """Another program listens on the port we were asked to use."""


class AlreadyRunning(BrokerError):
    """A broker already runs on this data directory."""
