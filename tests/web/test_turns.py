"""In which order clients get in: each in turn, however often it asks."""

import asyncio

import pytest

from fraudstream.web.turns import Crowded, Turns


async def served(turns: Turns, asking: list[str]) -> list[str]:
    """Let everybody ask while somebody is in, and return in which order they got in; those refused are in lower case."""
    order: list[str] = []

    async def ask(who: str) -> None:
        try:
            async with turns.turn(who):
                order.append(who)
        except Crowded:
            order.append(who.lower())

    async with turns.turn("first"):
        tasks = [asyncio.create_task(ask(who)) for who in asking]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    return order


async def test_a_client_that_asks_often_waits_for_its_own_requests_only_and_delays_no_other():
    """One each, then again."""
    assert ["A", "B", "C", "A", "A", "A"] == await served(Turns(1, 8, 8), list("AAAABC"))


async def test_the_number_of_waiting_requests_of_a_client_is_limited():
    """More are refused at once."""
    assert ["a", "a", "A", "B", "A"] == await served(Turns(1, 2, 8), list("AAAAB"))


async def test_where_all_places_are_taken_the_client_with_most_loses_its_newest():
    """A client with three places loses one to a client with none; a client with one place keeps it."""
    assert ["b", "a", "A", "B", "A"] == await served(Turns(1, 3, 3), list("AAABB"))
    assert ["d", "A", "B", "C"] == await served(Turns(1, 3, 3), list("ABCD"))


async def test_a_reserved_place_is_beyond_the_limit():
    """However many wait."""
    turns = Turns(1, 2, 1)
    async with turns.turn("first"):
        waiting = [asyncio.create_task(turns.enter(who, reserved=who == "known")) for who in ("any", "known")]
        await asyncio.sleep(0)
        with pytest.raises(Crowded):
            await turns.enter("other")
    await waiting[0]
    turns.leave("any")
    await waiting[1]
    turns.leave("known")

    assert turns.idle


async def test_a_client_that_stops_waiting_has_no_turn():
    """Neither while it waits nor at the moment of its turn; the next client gets it."""
    turns = Turns(1, 8, 8)
    await turns.enter("first")
    gone, let_in, last = (asyncio.create_task(turns.enter(who)) for who in ("gone", "let in", "last"))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    turns.leave("first")
    let_in.cancel()
    await asyncio.wait([gone, let_in, last])

    assert [True, True, False] == [task.cancelled() for task in (gone, let_in, last)]
    assert not turns.idle
    turns.leave("last")
    assert turns.idle


async def test_no_client_has_two_places_at_once():
    """Of two places one stays free for another."""
    turns = Turns(2, 8, 8)
    await turns.enter("A")
    again = asyncio.create_task(turns.enter("A"))
    await turns.enter("B")
    await asyncio.sleep(0)
    waited = not again.done()
    turns.leave("B")
    await asyncio.sleep(0)

    assert waited
    assert not again.done()
    turns.leave("A")
    await again


async def test_a_client_that_goes_at_the_moment_of_its_turn_is_passed_over():
    """Although its task has not noticed yet."""
    turns = Turns(1, 8, 2)
    await turns.enter("first")
    gone, next_one = (asyncio.create_task(turns.enter(who)) for who in ("gone", "next"))
    await asyncio.sleep(0)
    gone.cancel()
    turns.leave("first")
    await next_one
    also_gone = [asyncio.create_task(turns.enter("also gone")) for _ in range(2)]
    await asyncio.sleep(0)
    for task in also_gone:
        task.cancel()
    last = asyncio.create_task(turns.enter("last"))
    await asyncio.wait([gone, *also_gone])
    turns.leave("next")
    await last
    turns.leave("last")

    assert turns.idle
    assert (0, {}) == (vars(turns)["_count"], vars(turns)["_waiting"])
