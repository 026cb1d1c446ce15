"""Card numbers become tokens at the door; nothing behind it knows the number."""

import hmac
from dataclasses import dataclass, field

from murmurhash2 import murmurhash2

from fraudstream.domain.card_numbers import normalised

KAFKA_MURMUR2_SEED = 0x9747B28C
"""Seed of Kafka's default partitioner (org.apache.kafka.common.utils.Utils.murmur2)."""

TOKEN_BYTES = 16
"""128 bits of HMAC-SHA-256: collisions among 10^9 cards have a probability of 10^-21."""


def partition_of(card_number: str, partitions: int) -> int:
    """Return the partition that Kafka's default partitioner names for this key.

    >>> partition_of("4006080197832643", 8)
    1
    """
    return int(murmurhash2(card_number.encode(), KAFKA_MURMUR2_SEED) & 0x7FFFFFFF) % partitions


@dataclass(frozen=True, slots=True)
class Card:
    """What the worker knows of a card: its token (text and bytes), last four digits and home partition."""

    token: str
    key: bytes
    last4: str
    partition: int


@dataclass(frozen=True, slots=True)
class Tokenizer:
    """Keyed card tokens (HMAC-SHA-256): stable for one key, meaningless without it."""

    key: bytes = field(repr=False)

    def token(self, card_number: str) -> str:
        """Return the token of a card number: 32 hexadecimal digits.

        >>> Tokenizer(bytes(32)).token("4006080197832643")
        '98a587477db61478adb5dc479cab8acc'
        """
        return hmac.digest(self.key, card_number.encode(), "sha256")[:TOKEN_BYTES].hex()


class CardIndex:
    """Remembers the `Card` of the numbers seen lately: hashing each payment anew would cost 2 µs.

    Bounded: when `cards_max` numbers are known it starts over, which costs one more hash per card.
    """

    def __init__(self, tokenizer: Tokenizer, partitions: int, cards_max: int = 200_000) -> None:
        self._tokenizer = tokenizer
        self._partitions = partitions
        self._cards_max = cards_max
        self._known: dict[int | str, Card] = {}

    def card(self, card_number: int | str) -> Card:
        """Return the card of a number in any accepted writing; raises InvalidTransaction."""
        known = self._known.get(card_number)
        if known is None:
            number = normalised(card_number)
            if len(self._known) >= self._cards_max:
                self._known.clear()
            token = self._tokenizer.token(number)
            known = Card(token, bytes.fromhex(token), number[-4:], partition_of(number, self._partitions))
            self._known[card_number] = known
        return known
