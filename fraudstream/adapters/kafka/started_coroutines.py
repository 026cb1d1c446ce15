"""Continues a coroutine that was started by hand to see whether it blocks."""

import types
from collections.abc import Coroutine, Generator
from typing import Any


async def finished(coroutine: Coroutine[Any, Any, Any], blocked_on: Any) -> Any:
    """Finish a coroutine that was started by hand."""
    return await _resumed(coroutine, blocked_on)


@types.coroutine
def _resumed(coroutine: Coroutine[Any, Any, Any], blocked_on: Any) -> Generator[Any, Any, Any]:
    """Go on with a coroutine that was started by hand and waits for `blocked_on`."""
    try:
        yield blocked_on
    except BaseException as error:  # noqa: BLE001 - whatever ends the wait is the coroutine's to handle
        return coroutine.throw(error)
    return (yield from coroutine)
