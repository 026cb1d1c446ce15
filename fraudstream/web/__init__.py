"""Pages, JSON and metrics of a worker, served by Faust's own web server."""

from fraudstream.monitor.health import Health, PartitionState
from fraudstream.monitor.views import Versions, Views
from fraudstream.web.connections import Limits
from fraudstream.web.front import Front
from fraudstream.web.login import Login
from fraudstream.web.mount import attach

__all__ = ["Front", "Health", "Limits", "Login", "PartitionState", "Versions", "Views", "attach"]
