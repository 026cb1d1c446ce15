"""No card number is ever logged: each case is a process of its own, as the masking is for the whole process."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from fraudstream.adapters.models.files import name_of

CARD = "4006080197832643"

START = "from fraudstream.process.logs import configure_logging; configure_logging('debug')\nimport logging, threading\n"

FAILING = """
def pay(payment):
    number = payment["cc_num"]
    raise KeyError(f"no card {number}")
"""


def printed(code: str) -> str:
    """Return what a process prints, however it ends."""
    ran = subprocess.run(
        [sys.executable, "-c", START + code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"TZ": "Asia/Kolkata"},
    )
    return ran.stdout + ran.stderr


@pytest.mark.parametrize("logger", ["fraudstream.app", "faust", "aiokafka.producer", "mode"])
@pytest.mark.parametrize(
    "arguments",
    [
        f"'DROPPED k=%r v=%r', b'{CARD}', {{'cc_num': {CARD}}}",
        f"'card %(card)s', {{'card': '{CARD}'}}",
        "'4006 0801 9783 2643'",
        f"'arguments do not fit {CARD} %s'",
        f"'arguments do not fit %d', '{CARD}'",
    ],
)
def test_messages_are_masked_whoever_logs_them(logger: str, arguments: str) -> None:
    """Message, arguments, and arguments that do not fit the message."""
    said = printed(f"logging.getLogger({logger!r}).error({arguments})")

    assert logger in said
    assert CARD not in said.replace(" ", "")


@pytest.mark.parametrize(
    "end",
    [
        "try: pay({'cc_num': CARD})\nexcept KeyError: logging.getLogger('faust').exception('crashed')",
        "pay({'cc_num': CARD})",
        "t = threading.Thread(target=pay, args=({'cc_num': CARD},)); t.start(); t.join()",
    ],
)
def test_tracebacks_show_code_and_no_values(end: str) -> None:
    """Logged, of the main thread and of another one."""
    said = printed(f"CARD = int(''.join(reversed('{CARD[::-1]}'))){FAILING}{end}")

    assert "KeyError: 'no card ***'" in said
    assert "in pay" in said
    assert CARD not in said


def test_fausts_own_logging_is_masked_too() -> None:
    """`faust -A fraudstream.worker worker` replaces handlers and formatters; the records are masked already."""
    said = printed(
        "import faust; app = faust.App('x', broker='kafka://localhost:1')\n"
        "app.logger_config = None\n"
        "from mode.utils.logging import setup_logging\n"
        "setup_logging(loglevel='DEBUG', logfile=None)\n"
        f"logging.getLogger('faust').error('send: k=%r', {CARD}, extra={{'data': {{'topic': 'x'}}}})\n"
    )

    assert "send: k=***" in said
    assert CARD not in said


def test_the_name_of_a_model_version_is_no_card_number() -> None:
    """The one line that says which model serves."""
    version = name_of({"event_type": "card", "version": "9999.99"})

    assert f"model {version} " in printed(
        f"logging.getLogger('fraudstream.app').info('model %s ', {version!r})"
    )


def test_lines_carry_utc_and_say_so_without_colours() -> None:
    """Whatever the zone of the machine is."""
    said = printed("logging.getLogger('fraudstream').info('hello')")

    assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}Z INFO    fraudstream: hello\n", said), said
    written = datetime.strptime(said[:23], "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=5)


def test_a_new_broker_without_a_coordinator_is_no_error_and_everything_else_is() -> None:
    """aiokafka logs every failed question for the coordinator as an error, also those that it repeats."""
    asked = (
        "from aiokafka import errors\n"
        "from aiokafka.consumer.group_coordinator import log\n"
        "log.error('Group Coordinator Request failed: %s', errors.{}())\n"
    )

    assert "" == printed(asked.format("GroupCoordinatorNotAvailableError"))
    assert "ERROR" in printed(asked.format("GroupAuthorizationFailedError"))
