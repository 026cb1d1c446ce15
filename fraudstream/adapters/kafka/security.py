"""Where the brokers are and how we authenticate: turns settings into the arguments of aiokafka and Faust.

Every Kafka client of ours is made from a `Kafka`, so none can forget TLS or the password.
"""

import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fraudstream.adapters.files import secret_in
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings

SECURITY = {
    "PLAINTEXT": (False, False),
    "SSL": (True, False),
    "SASL_PLAINTEXT": (False, True),
    "SASL_SSL": (True, True),
}
"""Kafka's name of a protocol -> (is it encrypted, do we log in)."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """A cluster as our clients see it: addresses and credentials. Never prints the password."""

    bootstrap: str
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Kafka":
        """Read the files the settings name; raises SetupError, which contains no secret."""
        protocol = settings.kafka_security_protocol
        encrypted, login = SECURITY[protocol]
        if login and not encrypted and not settings.kafka_login_in_clear:
            raise SetupError(
                "FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL=SASL_PLAINTEXT sends the login and every payment unencrypted; use "
                "SASL_SSL, or set FRAUDSTREAM_KAFKA_LOGIN_IN_CLEAR=true if nobody else can listen"
            )
        _nothing_unused(settings, encrypted, login)
        username, password = settings.kafka_username, _password(settings) if login else None
        if login and not (username and password):
            raise SetupError(
                f"FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL={protocol} needs FRAUDSTREAM_KAFKA_USERNAME and "
                "FRAUDSTREAM_KAFKA_PASSWORD_FILE (or FRAUDSTREAM_KAFKA_PASSWORD)"
            )
        tls = _tls(settings) if encrypted else None
        return cls(settings.broker, protocol, settings.kafka_sasl_mechanism, username, password, tls)

    @property
    def security(self) -> dict[str, Any]:
        """Return the arguments of aiokafka's clients and connections, without addresses."""
        given: dict[str, Any] = {"security_protocol": self.protocol, "ssl_context": self.tls}
        if SECURITY[self.protocol][1]:
            given |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        return given

    @property
    def client(self) -> dict[str, Any]:
        """Return the arguments of every aiokafka client."""
        return {"bootstrap_servers": self.bootstrap, **self.security}

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Return host and port of every bootstrap broker; raises SetupError."""
        found = []
        for address in self.bootstrap.split(","):
            host, _, port = address.strip().rpartition(":")
            if not host or not port.isascii() or not port.isdigit():
                raise SetupError(f"{address!r} is not a broker's address; write host:port")
            found.append((host.strip("[]"), int(port)))
        return found

    @property
    def faust_settings(self) -> dict[str, Any]:
        """Return Faust's settings."""
        urls = [f"kafka://{address.strip()}" for address in self.bootstrap.split(",")]
        return {"broker": urls, "broker_credentials": self._credentials()}

    def _credentials(self) -> Any:
        import faust  # here, because commands without a worker do without it

        if SECURITY[self.protocol][1]:
            return faust.SASLCredentials(
                mechanism=self.mechanism,
                username=self.username,
                password=self.password,
                ssl_context=self.tls,
            )
        return None if self.tls is None else faust.SSLCredentials(self.tls)


def _nothing_unused(settings: Settings, encrypted: bool, login: bool) -> None:
    """Refuse settings that the protocol ignores: a user who gave a password expects it to be used."""
    ignored = [] if encrypted else ["kafka_ca_file", "kafka_certificate_file", "kafka_certificate_key_file"]
    ignored += [] if login else ["kafka_username", "kafka_password", "kafka_password_file"]
    for name in ignored:
        if getattr(settings, name) is not None:
            raise SetupError(
                f"FRAUDSTREAM_{name.upper()} is set, but FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL="
                f"{settings.kafka_security_protocol} does not use it; set the protocol, e.g. to SASL_SSL"
            )


def _password(settings: Settings) -> str | None:
    path, given = settings.kafka_password_file, settings.kafka_password
    if path is None:
        return None if given is None else given.get_secret_value()
    return secret_in(path, "FRAUDSTREAM_KAFKA_PASSWORD_FILE")


def _tls(settings: Settings) -> ssl.SSLContext:
    """Return a context that checks the broker's certificate and its name."""
    ca, certificate, key = (
        settings.kafka_ca_file,
        settings.kafka_certificate_file,
        settings.kafka_certificate_key_file,
    )
    context = ssl.create_default_context()
    if ca is not None:  # then this authority alone, not the system's as well
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _loaded("FRAUDSTREAM_KAFKA_CA_FILE", ca, lambda: context.load_verify_locations(ca))
    if certificate is not None:
        _loaded(
            "FRAUDSTREAM_KAFKA_CERTIFICATE_FILE",
            certificate,
            # An encrypted key would make OpenSSL ask at the terminal; an empty password makes it fail instead.
            lambda: context.load_cert_chain(certificate, key, password=""),
        )
    return context


def _loaded(setting: str, path: Path, load: Any) -> None:
    try:
        load()
    except OSError as error:  # ssl.SSLError is one
        raise SetupError(f"{setting}={path} is not a PEM file that can be used ({error})") from error
