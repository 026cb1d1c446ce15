"""Ends the process because of an error: which exit code, and what is logged."""

from typing import NoReturn

from aiokafka.errors import KafkaError

from fraudstream.adapters.failures import kafka_error
from fraudstream.domain.errors import FraudstreamError
from fraudstream.process.exits import EXIT_UNAVAILABLE, crash, exit_code, refuse, scarce


def leave(error: BaseException, doing: str) -> NoReturn:
    """End the process: code 2 if a person has to act, 75 if the cause may pass by itself, else 70 with the traceback."""
    if sentence := scarce(error):
        refuse(f"{doing} failed: {sentence} ({error})", EXIT_UNAVAILABLE)
    if isinstance(error, KafkaError):
        error = kafka_error(f"{doing} failed", error)
    if isinstance(error, FraudstreamError):
        refuse(str(error), exit_code(error))
    crash(f"{doing} failed")
