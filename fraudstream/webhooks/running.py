"""Sends to all receivers until it is stopped. Several processes share them; those of one that died are taken over."""

import asyncio
import contextlib
import logging
import secrets

from fraudstream.adapters.database.engine import DatabaseUnavailable
from fraudstream.adapters.database.webhooks import Webhook, Webhooks, now_ms
from fraudstream.adapters.kafka.security import Kafka
from fraudstream.domain.errors import SetupError
from fraudstream.settings import Settings
from fraudstream.webhooks.receiver import Receiver
from fraudstream.webhooks.sending import Sender
from fraudstream.webhooks.sources import topics_of

logger = logging.getLogger(__name__)

LEASE_MS = 15_000
"""After so long without a word of a process its receivers are others'."""

LOOK_EVERY_S = 2.0
"""How soon a webhook that was added or removed is noticed."""


class Runner:
    """One process."""

    def __init__(self, settings: Settings, store: Webhooks, key: bytes) -> None:
        self._settings, self._store, self._key = settings, store, key
        self._kafka = Kafka.of(settings)
        self._name = secrets.token_hex(8)
        self._running: dict[str, asyncio.Task[None]] = {}
        self._refused: set[str] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; raises the error of a bug."""
        async with Sender(
            self._settings.webhooks_timeout_s, self._settings.webhooks_private_addresses
        ) as sender:
            try:
                while not stop.is_set():
                    await self._look(sender)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), LOOK_EVERY_S)
            finally:
                await self._end([*self._running])
        await asyncio.to_thread(self._store.release, self._name)

    async def _look(self, sender: Sender) -> None:
        """Go on with what is ours now."""
        try:
            mine = await asyncio.to_thread(self._store.leased, self._name, now_ms() + LEASE_MS)
        except DatabaseUnavailable as error:
            logger.warning("webhooks cannot be looked up: %s", error)
            return
        for done in [each for each in self._running.values() if each.done()]:
            done.result()
        await self._end([name for name in self._running if name not in {each.id for each in mine}])
        for webhook in mine:
            if webhook.id not in self._running and webhook.id not in self._refused:
                self._start(webhook, sender)

    def _start(self, webhook: Webhook, sender: Sender) -> None:
        try:
            secret = webhook.secret(self._key)
        except SetupError as error:
            logger.error("%s", error)
            self._refused.add(webhook.id)
            return
        receiver = Receiver(
            webhook,
            secret,
            self._store,
            sender,
            self._kafka,
            topics_of(webhook.sources, self._settings),
            self._settings.partitions,
            self._settings.webhooks_give_up_after_s * 1000,
        )
        logger.info("sends %s to the webhook %s", ", ".join(webhook.sources), webhook.id)
        self._running[webhook.id] = asyncio.create_task(receiver.run(), name=f"webhook {webhook.id}")

    async def _end(self, names: list[str]) -> None:
        tasks = [self._running.pop(name) for name in names]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
