"""Why no broker accepts us, in one sentence with what to do about it.

aiokafka logs the cause and raises "unable to bootstrap"; here single connections are tried again to learn the cause.
"""

import asyncio
import ssl

from aiokafka.conn import create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    IllegalSaslStateError,
    KafkaError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from fraudstream.adapters.kafka.security import Kafka

PROBE_TIMEOUT_S = 5.0


def nobody_answers(kafka: Kafka) -> str:
    """Say that there is no broker."""
    return f"no Kafka broker answers at {kafka.bootstrap}; start one with: fraudstream broker up"


async def listening(kafka: Kafka) -> bool:
    """Tell whether somebody accepts connections, without the errors a Kafka client logs when nobody does."""
    for host, port in kafka.addresses:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            continue
        writer.close()
        return True
    return False


async def refusal(kafka: Kafka) -> str:
    """Try every address and return the last reason that one gives for refusing us."""
    said = None
    for host, port in kafka.addresses:
        said = await _refusal_of(kafka, host, port) or said
    return said or nobody_answers(kafka)


async def _refusal_of(kafka: Kafka, host: str, port: int) -> str | None:
    """Return why one broker refuses us; None if nothing is known beyond that it does not answer as one."""
    broker = f"the Kafka broker at {host}:{port}"
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            connection = await create_conn(host, port, **kafka.security)
            try:  # a broker that requires a login does not answer this
                await connection.send(MetadataRequest([]))
            finally:
                connection.close()
    except (SaslAuthenticationFailed, AuthenticationFailedError):
        return (
            f"{broker} refuses the login of {kafka.username} ({kafka.mechanism}); check FRAUDSTREAM_KAFKA_USERNAME, "
            "the password and FRAUDSTREAM_KAFKA_SASL_MECHANISM"
        )
    except UnsupportedSaslMechanismError:
        return f"{broker} does not offer {kafka.mechanism}; set FRAUDSTREAM_KAFKA_SASL_MECHANISM"
    except IllegalSaslStateError:
        return f"{broker} does not support logins; set FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL to a value without SASL_"
    except ssl.SSLCertVerificationError as error:
        return (
            f"{broker} shows a certificate that is not trusted ({error.verify_message.rstrip('.')}); check "
            "FRAUDSTREAM_KAFKA_CA_FILE, and that FRAUDSTREAM_BROKER has the name in the certificate"
        )
    except (OSError, KafkaError, TimeoutError) as error:
        return await _without_an_answer(kafka, host, port, error)
    return None


async def _without_an_answer(kafka: Kafka, host: str, port: int, error: BaseException) -> str | None:
    """Say what a broken connection means, judged by whether the port speaks TLS."""
    broker, encrypted = f"the Kafka broker at {host}:{port}", kafka.tls is not None
    speaks_tls = await _speaks_tls(host, port)
    if speaks_tls and not encrypted:
        return f"{broker} requires TLS; set FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL"
    if encrypted and not speaks_tls:
        return (
            f"{broker} does not use TLS, but FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL={kafka.protocol} requires it"
        )
    if encrypted and isinstance(error, ssl.SSLError):
        return (
            f"{broker} ends the TLS connection ({error.reason}); does it require a client certificate "
            "(FRAUDSTREAM_KAFKA_CERTIFICATE_FILE)?"
        )
    if kafka.password is not None or encrypted:
        return (
            f"{broker} closes the connection; does it require another FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL than "
            f"{kafka.protocol}, or a client certificate?"
        )
    return None


async def _speaks_tls(host: str, port: int) -> bool:
    """Tell whether a TLS handshake succeeds, without checking the certificate; no data is sent."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname = False
    anybody.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(PROBE_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=anybody)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
