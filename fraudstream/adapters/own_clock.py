"""A broker that does not take the time of now: the fault is this host's clock or the broker's, not the record's.

Halved and set aside one by one, all payments would be dead letters until somebody sets the clock.
"""

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from aiokafka.errors import InvalidTimestampError

from fraudstream.adapters.outbox import Message
from fraudstream.domain.errors import BrokerUnavailable


def require_clock(topic: str, messages: Sequence[Message], refusal: BaseException) -> None:
    """Raise BrokerUnavailable if a topic refused the times of records that were stamped with the present time alone."""
    if isinstance(refusal, InvalidTimestampError) and all(each.timestamp_ms is None for each in messages):
        now = datetime.fromtimestamp(time.time(), UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        raise BrokerUnavailable(
            f"topic {topic} does not take records of now, {now} by the clock of this host: "
            "set the clock, here or on the brokers, by which it is wrong"
        ) from refusal
