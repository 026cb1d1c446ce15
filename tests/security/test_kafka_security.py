"""TLS and logins, on a real broker that insists on both."""

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fraudstream.adapters.kafka.admin import administration, answers
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.domain.tokens import partition_of
from fraudstream.settings import Settings
from tests.commands.running import fraudstream
from tests.end_to_end.harness import Worker, decisions_of, produce
from tests.security.certificates import Authority
from tests.security.conftest import PASSWORDS, SecureKafka

CARD = "4006080197832643"
Principal = Callable[..., Settings]


async def test_a_worker_decides_over_an_encrypted_connection_with_a_login(
    principal: Principal, rights: Settings
) -> None:
    """Every client of it: consumer, producer, Faust's own, and the one that looks after the topics."""
    payment = {"tid": "a", "cc_num": int(CARD), "amount": 12.5, "trans_ts": time.time() - 60}
    payer = principal("payer")
    with Worker(principal("worker")) as worker:
        await produce(payer, [(CARD.encode(), json.dumps(payment).encode())], partition_of(CARD, 2))
        decided = await decisions_of(payer, {"a"}, timeout_s=90)

        assert ["a"] == [decision["transaction_id"] for decision in decided]
        assert PASSWORDS["worker"] not in worker.log


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (
            {"kafka_username": "payer"},
            "refuses the login of payer (SCRAM-SHA-512); check FRAUDSTREAM_KAFKA_USERNAME",
        ),
        ({"kafka_sasl_mechanism": "PLAIN"}, "does not offer PLAIN; set FRAUDSTREAM_KAFKA_SASL_MECHANISM"),
        (
            {"kafka_security_protocol": "SSL", "kafka_username": None, "kafka_password_file": None},
            "closes the connection; does it require another FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL than SSL",
        ),
        (
            {
                "kafka_security_protocol": "PLAINTEXT",
                "kafka_username": None,
                "kafka_password_file": None,
                "kafka_ca_file": None,
            },
            "requires TLS; set FRAUDSTREAM_KAFKA_SECURITY_PROTOCOL to SSL or SASL_SSL",
        ),
    ],
)
def test_who_does_not_log_in_is_refused_in_a_sentence(
    principal: Principal, others: dict[str, object], sentence: str
) -> None:
    """The worker ends with the code of a set-up error, and says what to set, but no password."""
    ran = fraudstream(principal("worker", **others), "topics", "create")

    assert 2 == ran.returncode
    assert sentence in ran.stderr
    assert "Traceback" not in ran.stderr
    assert PASSWORDS["worker"] not in ran.stdout + ran.stderr


def test_a_worker_that_is_refused_ends_as_wrongly_set_up(
    principal: Principal, secure_kafka: SecureKafka, small_world: Path
) -> None:
    """A wrong password: code 2, which a supervisor does not try again."""
    wrong = secure_kafka.password_file("not-the-password")
    ran = fraudstream(principal("worker", kafka_password_file=wrong, data_dir=small_world), "worker")

    assert 2 == ran.returncode
    assert "refuses the login of worker" in ran.stderr
    assert "not-the-password" not in ran.stdout + ran.stderr


def test_a_broker_with_a_certificate_of_another_authority_is_refused(
    principal: Principal, tmp_path: Path
) -> None:
    """A server that pretends to be the broker does not get the password."""
    other = Authority.create(tmp_path / "other-ca.pem")
    ran = fraudstream(principal("worker", kafka_ca_file=other.file), "topics", "create")

    assert 2 == ran.returncode
    assert "shows a certificate that is not trusted" in ran.stderr


def test_a_certificate_for_another_name_is_refused(principal: Principal) -> None:
    """The certificate is for 127.0.0.1, not for `localhost`."""
    broker = principal("worker").broker.replace("127.0.0.1", "localhost")
    ran = fraudstream(principal("worker", broker=broker), "topics", "create")

    assert 2 == ran.returncode
    assert "Hostname mismatch" in ran.stderr


async def test_a_broker_that_asks_for_a_certificate_gets_one(
    secure_kafka: SecureKafka, principal: Principal
) -> None:
    """Mutual TLS: who has none is told which setting it is."""
    without = principal(
        "worker",
        broker=secure_kafka.mutual,
        kafka_security_protocol="SSL",
        kafka_username=None,
        kafka_password_file=None,
    )
    certified = without.model_copy(update={"kafka_certificate_file": secure_kafka.client_file})

    assert await answers(Kafka.of(certified))
    with pytest.raises(SetupError, match="client certificate"):
        async with administration(Kafka.of(without)):
            pytest.fail("it was let in")


async def test_settings_with_tls_are_refused_by_a_listener_without_it(
    secure_kafka: SecureKafka, principal: Principal
) -> None:
    """The message says which setting to change."""
    plain = Kafka.of(principal("worker", broker=secure_kafka.broker.bootstrap))

    assert not await answers(plain)
    assert await answers(Kafka(secure_kafka.broker.bootstrap))


@pytest.mark.parametrize(
    ("others", "sentence"),
    [
        (
            {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_ca_file": None},
            "sends the login and every payment unenc",
        ),
        ({"kafka_security_protocol": "PLAINTEXT", "kafka_ca_file": None}, "USERNAME is set, but"),
        ({"kafka_security_protocol": "SSL"}, "FRAUDSTREAM_KAFKA_USERNAME is set, but"),
        ({"kafka_username": None}, "SASL_SSL needs FRAUDSTREAM_KAFKA_USERNAME and"),
        ({"kafka_password_file": None}, "SASL_SSL needs FRAUDSTREAM_KAFKA_USERNAME and"),
        (
            {"kafka_password_file": Path("/nowhere")},
            "FRAUDSTREAM_KAFKA_PASSWORD_FILE=/nowhere cannot be read",
        ),
        ({"kafka_ca_file": Path("/nowhere")}, "FRAUDSTREAM_KAFKA_CA_FILE=/nowhere is not a PEM file"),
        ({"kafka_certificate_file": Path(__file__)}, "FRAUDSTREAM_KAFKA_CERTIFICATE_FILE="),
        ({"broker": "kafka.example"}, "'kafka.example' is not a broker's address; write host:port"),
    ],
)
def test_settings_that_do_not_fit_are_refused(
    principal: Principal, others: dict[str, object], sentence: str
) -> None:
    """Before anything is sent anywhere."""
    with pytest.raises(SetupError, match=sentence):
        _ = Kafka.of(principal("worker", **others)).addresses


def test_a_login_without_encryption_needs_a_setting_of_its_own(principal: Principal) -> None:
    """FRAUDSTREAM_KAFKA_LOGIN_IN_CLEAR allows it."""
    kafka = Kafka.of(
        principal(
            "worker", kafka_security_protocol="SASL_PLAINTEXT", kafka_ca_file=None, kafka_login_in_clear=True
        )
    )

    assert "SASL_PLAINTEXT" == kafka.client["security_protocol"]


def test_the_password_is_never_shown(principal: Principal) -> None:
    """Neither by settings nor by what is made of them; it comes from the file first."""
    settings = principal("worker", kafka_password="from-the-environment")
    kafka = Kafka.of(settings)

    assert PASSWORDS["worker"] == kafka.password
    for shown in (repr(settings), repr(kafka), str(kafka), repr(kafka.faust_settings)):
        assert "from-the-environment" not in shown
        assert PASSWORDS["worker"] not in shown


def test_every_kafka_client_of_ours_is_made_from_the_settings() -> None:
    """A client that is not would connect without encryption."""
    root = Path(__file__).parents[2]
    made = [
        (path.name, after)
        for folder in ("fraudstream", "agents", "tables")
        for path in (root / folder).rglob("*.py")
        for after in re.split(r"AIOKafka(?:Consumer|Producer|AdminClient)\(", path.read_text())[1:]
    ]
    ours = re.compile(
        r"\s*\*\*(?:(?:self\._?)?kafka\.client|Kafka\.of\([\w.]+\)\.client|self\._producer_settings\(\))"
    )

    assert [] == [file for file, after in made if not ours.match(after)]
    assert {"admin.py", "publisher.py", "tail.py"} <= {file for file, _ in made}
