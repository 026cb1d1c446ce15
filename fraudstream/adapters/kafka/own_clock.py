"""Recognises a broker that refuses the present time: this host's clock or the broker's is wrong, not the record.

Otherwise every payment would become a dead letter until somebody sets the clock.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from aiokafka.errors import InvalidTimestampError

from fraudstream.adapters.kafka.outbox import Message
from fraudstream.domain.errors import BrokerUnavailable


def require_clock(topic: str, messages: Sequence[Message], refusal: BaseException) -> None:
    """Raise BrokerUnavailable if a topic refused the timestamps of records that all have the present time."""
    if isinstance(refusal, InvalidTimestampError) and all(each.timestamp_ms is None for each in messages):
        now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise BrokerUnavailable(
            f"topic {topic} refuses records with the current time, which is {now} by this host's clock: "
            "correct the clock that is wrong, here or on the brokers"
        ) from refusal
