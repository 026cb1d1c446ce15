"""Pages, JSON and metrics of a worker, served by Faust's own web server."""

from fraudstream.web.connections import Limits
from fraudstream.web.front import Front
from fraudstream.web.health import Health, PartitionState
from fraudstream.web.login import Login
from fraudstream.web.mount import attach
from fraudstream.web.peers import peer_urls
from fraudstream.web.views import Versions, Views

__all__ = ["Front", "Health", "Limits", "Login", "PartitionState", "Versions", "Views", "attach", "peer_urls"]
