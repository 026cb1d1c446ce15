"""Results in the order in which they were asked for, while some are worked on at a time."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def in_order(
    begin: Callable[[T], Future[R]],
    items: Iterable[T],
    at_once: int,
    result: Callable[[Future[R]], R] = Future.result,
) -> Generator[R]:
    """Yield what comes of items, of which `at_once` are begun before the first is waited for; `result` waits."""
    under_way: deque[Future[R]] = deque()
    for item in items:
        under_way.append(begin(item))
        if len(under_way) >= at_once:
            yield result(under_way.popleft())
    while under_way:
        yield result(under_way.popleft())
