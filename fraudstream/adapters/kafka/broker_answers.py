"""What the brokers answer to what we publish: aiokafka retries for ever and does not tell."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import for_code
from aiokafka.protocol.produce import ProduceRequest

from fraudstream.domain.errors import BrokerUnavailable, SetupError
from fraudstream.domain.problems import Problem

SHOWN_AFTER_S = 3.0
"""Brokers that take longer than this to answer are reported as a problem."""

THROTTLED_SHOWN_S = 30.0
"""How long a throttled answer is reported after the delay that it announced."""


class BrokerAnswers:
    """Remembers since when an answer is due, what the brokers refused last and whether a quota holds us back."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._since: float | None = None
        self._said = ""
        self._refusal: SetupError | None = None
        self._throttled_until = 0.0
        self._throttle_ms = 0

    def listen_to(self, producer: AIOKafkaProducer) -> None:
        """Observe the brokers' answers; once per produce request, not per record."""
        send = producer.client.send

        async def listening(node_id: int, request: Any, **options: Any) -> Any:
            answer = await send(node_id, request, **options)
            if isinstance(request, ProduceRequest):
                self._read(answer)
            return answer

        producer.client.send = listening

    def _read(self, answer: Any) -> None:
        said = {
            f"{topic}: {for_code(partition[1]).__name__}"
            for topic, partitions in answer.topics
            for partition in partitions
            if partition[1]
        }
        self._said = ", ".join(sorted(said))
        throttle_ms = getattr(answer, "throttle_time_ms", 0)
        if throttle_ms:
            self._throttle_ms = throttle_ms
            self._throttled_until = time.time() + throttle_ms / 1000 + THROTTLED_SHOWN_S

    def asked(self) -> None:
        """Note that something was sent."""
        self._since = self._since or time.time()

    def refused(self, refusal: SetupError) -> None:
        """Note a refusal that is retried, although a person has to act."""
        self._refusal = refusal

    def answered(self) -> None:
        """Note that everything sent was taken."""
        self._since, self._refusal = None, None

    def gave_up(self, after_s: float) -> SetupError:
        """Return the error for giving up after `after_s` seconds."""
        if self._refusal is not None:
            return self._refusal
        because = f" ({self._said})" if self._said else ""
        return BrokerUnavailable(
            f"Kafka at {self._bootstrap} did not accept published records for {after_s:g} s{because}"
        )

    def problems(self) -> Iterator[Problem]:
        """Say what is waited for, and since when."""
        now = time.time()
        if self._since is not None and now - self._since > SHOWN_AFTER_S:
            since = datetime.fromtimestamp(self._since, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
            if self._refusal is not None:
                sentence, _, remedy = str(self._refusal).rpartition("; ")
                yield Problem("failing", f"{sentence} (since {since})", remedy)
            else:
                because = f" ({self._said})" if self._said else ""
                yield Problem(
                    "failing",
                    f"Kafka has not accepted published records since {since}{because}",
                    f"check the brokers at {self._bootstrap}; the worker continues by itself",
                )
        if now < self._throttled_until:
            yield Problem(
                "degraded",
                f"a Kafka quota slows this worker down, last by {self._throttle_ms} ms per request",
                "increase producer_byte_rate with kafka-configs, or send fewer payments",
            )
