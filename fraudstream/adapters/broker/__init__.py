"""The embedded broker: Apache Kafka in one directory and one Java process, without Docker.

    with EmbeddedBroker(Path("/tmp/kafka")) as broker:
        connect_to(broker.bootstrap)

What it is made of: lock.py and jars.toml (which jars), jars.py (getting them), java.py, config.py, storage.py (format),
process.py, state.py (who runs), embedded.py (start and stop), failures.py (what went wrong, in a sentence).
"""

from fraudstream.adapters.broker.embedded import EmbeddedBroker, stop_broker
from fraudstream.adapters.broker.errors import AlreadyRunning, BrokerError, PortTaken
from fraudstream.adapters.broker.state import BrokerState, running_state

__all__ = [
    "AlreadyRunning",
    "BrokerError",
    "BrokerState",
    "EmbeddedBroker",
    "PortTaken",
    "running_state",
    "stop_broker",
]
