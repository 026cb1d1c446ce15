"""Tokens and partitions of cards."""

import hmac

from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from fraudstream.domain.tokens import EntityIndex, Tokenizer, hmac_sha256, partition_of

numbers = st.integers(10**11, 10**19 - 1).map(str)


@given(numbers, st.integers(1, 64))
def test_a_card_is_counted_where_kafkas_own_partitioner_puts_it(number: str, partitions: int) -> None:
    """Keyed producers and the worker must agree; aiokafka's own murmur2 is the oracle."""
    assert (murmur2(number.encode()) & 0x7FFFFFFF) % partitions == partition_of(number, partitions)


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_our_hmac_is_the_standard_librarys(key: bytes, message: bytes) -> None:
    """Keys shorter, as long as, and longer than a block."""
    assert hmac.digest(key, message, "sha256") == hmac_sha256(key)(message)


def test_another_key_gives_other_tokens() -> None:
    """Without the key a token says nothing about the number."""
    number = "4006080197832643"

    assert Tokenizer(b"a" * 32).token(number) != Tokenizer(b"b" * 32).token(number)
    assert "b'aaaa" not in repr(Tokenizer(b"a" * 32))


def test_the_card_index_stays_bounded_and_right() -> None:
    """Clearing it costs time, but changes no answer."""
    index = EntityIndex(Tokenizer(bytes(32)), 8, cards_max=2)
    first = [index.entity(f"400608019783264{digit}", 0) for digit in range(6)]

    assert first == [index.entity(f"400608019783264{digit}", 0) for digit in range(6)]


SINCE = (0, 1_000, 5_000)
"""Event times from which three keys count."""


def rotated() -> Tokenizer:
    """Return the newest of three tokenizers: one without a number, then 1 and 7."""
    first = Tokenizer(b"a" * 32)
    second = Tokenizer(b"b" * 32, 1, SINCE[1], first)
    return Tokenizer(b"c" * 32, 7, SINCE[2], second)


@given(numbers, st.integers(0, 10_000), st.integers(0, 10_000))
def test_a_token_depends_on_card_and_event_time_alone(number: str, at_ms: int, other_ms: int) -> None:
    """Whatever came before: a replay, or a payment that is late, gets the token it got or would have got."""
    newest = rotated()
    period = sum(at_ms >= since for since in SINCE[1:])
    expected = [newest.at(since).token(number) for since in SINCE]
    index = EntityIndex(newest, 8)
    index.entity(number, other_ms)
    card = index.entity(number, at_ms)

    assert expected[period] == card.token
    assert (SINCE[period], tuple(expected[:period][::-1])) == (card.since_ms, card.earlier)


@given(numbers)
def test_a_numbered_keys_tokens_begin_with_its_number(number: str) -> None:
    """And all tokens have the same length, whoever made them."""
    tokens = [rotated().at(since).token(number) for since in SINCE]

    assert ["01", "07"] == [token[:2] for token in tokens[1:]]
    assert {32} == {len(token) for token in tokens}
    assert 3 == len(set(tokens))


def test_a_card_is_looked_up_by_its_earlier_tokens_only_while_they_can_matter() -> None:
    """Afterwards a lookup asks for one token again."""
    card = EntityIndex(rotated(), 8).entity("4006080197832643", 6_000)

    assert 3 == len(card.tokens(first_ms=4_999))
    assert (card.token,) == card.tokens(first_ms=5_000)
