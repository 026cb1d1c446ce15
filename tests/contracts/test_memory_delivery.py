"""The delivery of the scoring loop's tests keeps the contract of the real ones."""

import pytest

from tests.contracts.delivery import DeliveryContract, Place
from tests.fakes import MemoryDelivery


class TestMemoryDelivery(DeliveryContract):
    """Topics are lists."""

    @pytest.fixture
    def place(self) -> Place:
        """Return a delivery that has delivered nothing yet."""
        delivery = MemoryDelivery()

        async def published(topic: str) -> list[bytes]:
            return [message.value for message in delivery.topics[topic, 0]]

        return Place(delivery, "by-card", "decisions", "changelog", published)
