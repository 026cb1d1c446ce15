"""Tokens and partitions of cards."""

from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.tokens import CardIndex, Tokenizer, partition_of

numbers = st.integers(10**11, 10**19 - 1).map(str)


@given(numbers, st.integers(1, 64))
def test_a_card_is_counted_where_kafkas_own_partitioner_puts_it(number: str, partitions: int) -> None:
    """Keyed producers and the worker must agree; aiokafka's own murmur2 is the oracle."""
    assert (murmur2(number.encode()) & 0x7FFFFFFF) % partitions == partition_of(number, partitions)


def test_another_key_gives_other_tokens() -> None:
    """Without the key a token says nothing about the number."""
    number = "4006080197832643"

    assert Tokenizer(b"a" * 32).token(number) != Tokenizer(b"b" * 32).token(number)
    assert "b'aaaa" not in repr(Tokenizer(b"a" * 32))


def test_the_card_index_stays_bounded_and_right() -> None:
    """Starting over costs a hash, never an answer."""
    index = CardIndex(Tokenizer(bytes(32)), 8, cards_max=2)
    first = [index.card(f"400608019783264{digit}") for digit in range(6)]

    assert first == [index.card(f"400608019783264{digit}") for digit in range(6)]
