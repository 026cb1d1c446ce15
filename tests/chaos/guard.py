"""A listener with an authorizer that refuses what no rule allows: for workers; the harness uses the open listener."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fraudstream.adapters.broker.config import HOST
from fraudstream.adapters.broker.ports import claim
from tests.chaos.cluster import USUAL

USER = "worker"
PASSWORD = "worker-secret-5d21"


class Guard:
    """Listeners of a broker with an authorizer, and what a worker logs in with."""

    def __init__(self, root: Path) -> None:
        (self._port,) = claim(0)
        self._password_file = root / "kafka.password"
        self._password_file.parent.mkdir(parents=True, exist_ok=True)
        self._password_file.write_text(PASSWORD)

    def listeners(self) -> Mapping[str, str]:
        """Return the properties of a listener that requires a login, beside the broker's own."""
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        return {
            "listeners": f"{USUAL},GUARDED://{HOST}:{self._port}",
            "advertised.listeners": f"{USUAL},GUARDED://{HOST}:{self._port}",
            "listener.security.protocol.map": f"{USUAL},GUARDED:SASL_PLAINTEXT",
            "listener.name.guarded.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.guarded.plain.sasl.jaas.config": f'{module} required user_{USER}="{PASSWORD}";',
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
        }

    @property
    def login(self) -> Mapping[str, Any]:
        """Return the settings of a worker."""
        return {
            "broker": f"{HOST}:{self._port}",
            "kafka_security_protocol": "SASL_PLAINTEXT",
            "kafka_login_in_clear": True,
            "kafka_sasl_mechanism": "PLAIN",
            "kafka_username": USER,
            "kafka_password_file": self._password_file,
        }
