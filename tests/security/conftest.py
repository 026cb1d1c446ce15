"""A real Kafka with TLS, logins and an authorizer, and settings of principals that know their passwords."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fraudstream.acls import acls
from fraudstream.adapters.broker import EmbeddedBroker
from fraudstream.adapters.broker.config import HOST
from fraudstream.adapters.broker.ports import claim
from fraudstream.adapters.kafka.acls import give
from fraudstream.adapters.kafka.admin import administration, ensure_topics
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.settings import Settings
from tests.security.certificates import Authority

PASSWORDS = {"worker": "worker-secret-7f3a", "payer": "payer-secret-91bc", "stranger": "stranger-secret-e402"}


@dataclass(frozen=True)
class SecureKafka:
    """A broker whose SASL_SSL listener only knows `PASSWORDS`; its plain one is the administrator's."""

    broker: EmbeddedBroker
    secure: str
    mutual: str
    """Asks clients for a certificate, and for nothing else."""
    ca_file: Path
    client_file: Path
    """A client's certificate and key."""
    directory: Path

    def password_file(self, password: str) -> Path:
        """Return a file with a password."""
        path = self.directory / f"{uuid.uuid4().hex}.password"
        path.write_text(password + "\n")
        return path


@pytest.fixture(scope="session")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """Yield the broker; `kafka` marks are for the other one, so tests here carry their own."""
    directory = tmp_path_factory.mktemp("secure")
    authority = Authority.create(directory / "ca.pem")
    keystore = authority.certify(directory / "broker.pem")
    client = authority.certify(directory / "client.pem")
    plain, controller, secure, mutual = claim(0, 0, 0, 0)
    listeners = f"PLAINTEXT://{HOST}:{plain},SASL_SSL://{HOST}:{secure},SSL://{HOST}:{mutual}"
    scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
    overrides = {
        "listeners": f"{listeners},CONTROLLER://{HOST}:{controller}",
        "advertised.listeners": listeners,
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
        "controller.quorum.voters": f"1@{HOST}:{controller}",
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "listener.name.ssl.ssl.client.auth": "required",
        "listener.name.ssl.ssl.truststore.type": "PEM",
        "listener.name.ssl.ssl.truststore.location": str(authority.file),
        "listener.name.sasl_ssl.sasl.enabled.mechanisms": "SCRAM-SHA-512",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
    }
    users = [
        option
        for name, password in PASSWORDS.items()
        for option in ("--add-scram", f"SCRAM-SHA-512=[name={name},password={password}]")
    ]
    with EmbeddedBroker(directory / "kafka", plain, overrides=overrides, format_options=users) as broker:
        yield SecureKafka(broker, f"{HOST}:{secure}", f"{HOST}:{mutual}", authority.file, client, directory)


Principal = Callable[..., Settings]


@pytest.fixture
def principal(secure_kafka: SecureKafka, tmp_path: Path) -> Principal:
    """Return how to make the settings of a user, all of whom share topics that only this test has."""
    unique = uuid.uuid4().hex[:8]

    def settings(name: str, **others: object) -> Settings:
        given = {
            "broker": secure_kafka.secure,
            "kafka_security_protocol": "SASL_SSL",
            "kafka_username": name,
            "kafka_password_file": secure_kafka.password_file(PASSWORDS[name]),
            "kafka_ca_file": secure_kafka.ca_file,
            "topic_prefix": f"t{unique}-",
            "app_id": f"t{unique}",
            "data_dir": tmp_path / name,
            "partitions": 2,
            "session_timeout_s": 6.0,
            "web": False,
        }
        return Settings(_env_file=None, **(given | others))

    return settings


@pytest.fixture
def rights(secure_kafka: SecureKafka, principal: Principal) -> Settings:
    """Make the topics, give the worker and the payer their rights, and return the administrator's settings."""
    admin = Settings(
        _env_file=None,
        broker=secure_kafka.broker.bootstrap,
        **principal("worker").model_dump(include={"topic_prefix", "app_id", "data_dir", "partitions"}),
    )

    async def prepare() -> None:
        await ensure_topics(admin)
        async with administration(Kafka.of(admin)) as client:
            await give(client, "User:worker", acls(admin, "worker"))
            await give(client, "User:payer", [*acls(admin, "producer"), *acls(admin, "reader")])

    asyncio.run(prepare())
    return admin
