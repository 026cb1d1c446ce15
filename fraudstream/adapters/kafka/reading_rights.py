"""Ends a worker that lacks or loses the right to read; Faust would wait silently, or end with code 1 and four tracebacks.

It ends with one sentence and code 75: a restart goes on as soon as the right is given back, and until then says the same.
"""

from collections.abc import Awaitable
from typing import Any, NoReturn

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from fraudstream.adapters.failures import NOT_ALLOWED, not_authorised
from fraudstream.process.exits import EXIT_UNAVAILABLE, refuse


def may_not_read(error: KafkaError) -> NoReturn:
    """End the process and say what it may not read."""
    refuse(str(not_authorised("read payments", error)), EXIT_UNAVAILABLE)


def said_in_the_group(consumer: AIOKafkaConsumer) -> AIOKafkaConsumer:
    """Make a consumer, not started yet, end the process if it may not join its group or commit there.

    aiokafka reports such errors to the next fetch. Before the first assignment Faust does not fetch, and a commit may come
    before the next fetch.
    """
    start, commit = consumer.start, consumer.commit

    async def starting() -> None:
        await start()
        tell = consumer._coordinator._push_error_to_user

        def telling(error: KafkaError) -> Awaitable[Any]:
            if isinstance(error, NOT_ALLOWED):
                may_not_read(error)
            told: Awaitable[Any] = tell(error)
            return told

        consumer._coordinator._push_error_to_user = telling

    async def committing(offsets: Any) -> None:
        try:
            await commit(offsets)
        except NOT_ALLOWED as error:
            may_not_read(error)

    consumer.start, consumer.commit = starting, committing
    return consumer
