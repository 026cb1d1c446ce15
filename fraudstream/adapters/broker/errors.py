"""What can keep the embedded broker from running, each said in one sentence with what to do about it."""

from fraudstream.domain.errors import SetupError


class BrokerError(SetupError):
    """The embedded broker cannot be installed, started or stopped."""


class PortTaken(BrokerError):
    """Another program listens on the port we were asked to use."""


class AlreadyRunning(BrokerError):
    """A broker already runs on this data directory."""
