"""What every way of making a micro-batch durable promises."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from faust.types import TP

from fraudstream.adapters.kafka.publisher import Message
from fraudstream.agents.delivery import Delivery, OutputBatch


class Place(NamedTuple):
    """A delivery that is ready for partition 0, and what it writes to."""

    delivery: Delivery
    source: str
    """An existing topic: the broker takes no offsets for one that does not exist."""
    decisions: str
    changelog: str
    published: Callable[[str], Awaitable[list[bytes]]]
    """Topic -> the values in its partition 0, as a consumer of committed records reads them."""

    def output_batch(self, offset: int, decisions: list[bytes], delta: bytes | None) -> OutputBatch:
        """Return the micro-batch of source partition 0 that ends before this offset."""
        made = OutputBatch(offsets={0: {TP(self.source, 0): offset}})
        for decision in decisions:
            made.output(0).add(self.decisions, 0, Message(b"card", decision))
        if delta is not None:
            made.changelog.add(self.changelog, 0, Message(None, delta))
        return made


class DeliveryContract:
    """Subclass it with a fixture `place`; the tests come along."""

    async def test_what_is_delivered_can_be_read_in_order(self, place: Place) -> None:
        """All of a micro-batch, and of those before it."""
        await place.delivery.deliver(place.output_batch(2, [b"first", b"second"], b"one"))
        await place.delivery.deliver(place.output_batch(3, [b"third"], b"two"))

        assert [b"first", b"second", b"third"] == await place.published(place.decisions)
        assert [b"one", b"two"] == await place.published(place.changelog)

    async def test_the_receipt_says_where_the_changelog_lies(self, place: Place) -> None:
        """One record behind the other, as nobody else writes to it."""
        results = [
            await place.delivery.deliver(place.output_batch(offset, [], b"delta")) for offset in (1, 2)
        ]

        assert [[(0, 1)], [(1, 1)]] == [result[place.changelog, 0] for result in results]

    async def test_a_micro_batch_that_changes_no_state_has_no_result(self, place: Place) -> None:
        """Repeated payments are decided again and remembered once."""
        results = await place.delivery.deliver(place.output_batch(1, [b"again"], None))

        assert (place.changelog, 0) not in results
        assert [b"again"] == await place.published(place.decisions)

    async def test_the_changelog_may_go_first(self, place: Place) -> None:
        """That loses nothing."""
        first = place.output_batch(1, [b"decided"], b"delta")
        first.changelog_first = True
        results = await place.delivery.deliver(first)

        assert [(0, 1)] == results[place.changelog, 0]
        assert [b"decided"] == await place.published(place.decisions)
        assert [b"delta"] == await place.published(place.changelog)
