"""The queue (SQS) that S3 tells of new objects. A message stays hidden from others as long as its files are worked on."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote_plus

import aioboto3

from fraudstream.adapters.inbox.aws import CONFIG, aws_errors
from fraudstream.adapters.inbox.place import is_taken
from fraudstream.adapters.inbox.s3 import S3Inbox
from fraudstream.domain.errors import FraudstreamError

logger = logging.getLogger(__name__)

WAIT_S = 20
"""How long SQS holds a request until there is a message; its largest value."""

HIDDEN_S = 120
"""For how long a received message is hidden, and again each time it is renewed."""

HIDDEN_MAX_S = 43_200
"""SQS's limit."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message: which files of the inbox it names, in its order."""

    names: tuple[str, ...] | None
    """None: it is no notification of S3, and the queue's rule for such messages (a dead-letter queue) decides."""
    receipt: str


class Queue:
    """An SQS queue, by its URL or name."""

    def __init__(self, queue: str, inbox: S3Inbox, hidden_s: int = HIDDEN_S) -> None:
        self._queue, self._inbox, self._hidden_s = queue, inbox, hidden_s
        self._stack = AsyncExitStack()
        self._client: Any = None
        self._url = queue

    async def receive(self, wait_s: int = WAIT_S) -> Told | None:
        """Return the next message, None if there is none for so long."""
        with aws_errors(self._queue):
            answer = await self._client.receive_message(
                QueueUrl=self._url,
                MaxNumberOfMessages=1,
                WaitTimeSeconds=wait_s,
                VisibilityTimeout=self._hidden_s,
            )
        for message in answer.get("Messages", ()):
            return Told(names_in(message["Body"], self._inbox), message["ReceiptHandle"])
        return None

    @asynccontextmanager
    async def held(self, told: Told) -> AsyncIterator[None]:
        """Keep a message hidden while the block runs."""
        renewing = asyncio.create_task(self._renew(told))
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def delete(self, told: Told) -> None:
        """Say that its files are done with."""
        with aws_errors(self._queue):
            await self._client.delete_message(QueueUrl=self._url, ReceiptHandle=told.receipt)

    async def later(self, told: Told, delay_s: float) -> None:
        """Let it be received again after a while."""
        await self._hide(told, min(round(delay_s), HIDDEN_MAX_S))

    async def _renew(self, told: Told) -> None:
        """Renew it three times in its length. If that fails it comes again, which does nothing twice."""
        while True:
            await asyncio.sleep(self._hidden_s / 3)
            try:
                await self._hide(told, self._hidden_s)
            except FraudstreamError as error:
                logger.warning("a message could not be kept hidden: %s", error)

    async def _hide(self, told: Told, seconds: int) -> None:
        with aws_errors(self._queue):
            await self._client.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=told.receipt, VisibilityTimeout=seconds
            )

    async def __aenter__(self) -> Self:
        with aws_errors(self._queue):
            self._client = await self._stack.enter_async_context(
                aioboto3.Session().client("sqs", config=CONFIG)
            )
            if "/" not in self._queue:
                self._url = (await self._client.get_queue_url(QueueName=self._queue))["QueueUrl"]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()


def names_in(body: str, inbox: S3Inbox) -> tuple[str, ...] | None:
    """Return the names of files to take that a message has; None if it is no notification of S3.

    Sent by S3 itself, or through SNS. S3's first message to a new queue is a test, which names no object.
    """
    try:
        said = json.loads(body)
        if "Message" in said and "TopicArn" in said:
            said = json.loads(said["Message"])
        if said.get("Event") == "s3:TestEvent":
            return ()
        objects = [record["s3"] for record in said["Records"] if _is_new(record)]
        keys = [
            unquote_plus(each["object"]["key"]) for each in objects if each["bucket"]["name"] == inbox.bucket
        ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    names = (key.removeprefix(inbox.prefix) for key in keys if key.startswith(inbox.prefix))
    return tuple(name for name in names if is_taken(name))


def _is_new(record: dict[str, Any]) -> bool:
    return str(record["eventName"]).removeprefix("s3:").startswith("ObjectCreated:")
