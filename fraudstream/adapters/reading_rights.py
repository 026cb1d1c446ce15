"""Rights to read that are withdrawn while a worker reads: Faust would end with code 1 and four tracebacks.

One sentence and code 75 instead: a new start goes on as soon as they are given back, and until then says the same.
"""

from typing import Any, NoReturn

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from fraudstream.adapters.failures import NOT_ALLOWED, kafka_error
from fraudstream.adapters.process import EXIT_UNAVAILABLE, refuse


def may_not_read(error: KafkaError) -> NoReturn:
    """End the process and say what it may not read."""
    refuse(str(kafka_error("not authorised by Kafka to read payments", error)), EXIT_UNAVAILABLE)


def said_when_committing(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Let a commit that is refused for want of rights be said, too: it may come before the next fetch."""
    commit = consumer.commit

    async def said(offsets: Any) -> None:
        try:
            await commit(offsets)
        except NOT_ALLOWED as error:
            may_not_read(error)

    consumer.commit = said
    return consumer
