"""More questions at once than the asynchronous client has connections, asked of a real server of a few lines."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import msgspec
import pytest

from fraudstream.client import ApiError, AsyncClient, Decision
from fraudstream.client.asynchronous import CONNECTIONS


class Server:
    """Answers any question for a decision once `may_answer` is set, and counts the questions that wait at once."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self._waiting = self.most_waiting = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's questions, until it is closed."""
        over = asyncio.IncompleteReadError, asyncio.CancelledError  # closed, or the test is over
        with contextlib.suppress(*over):
            while (head := await reader.readuntil(b"\r\n\r\n")).startswith(b"GET"):
                self._waiting += 1
                self.most_waiting = max(self.most_waiting, self._waiting)
                await self.may_answer.wait()
                self._waiting -= 1
                body = msgspec.json.encode(decision(head.split()[1].rsplit(b"/", 1)[1].decode()))
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        writer.close()


def decision(transaction_id: str) -> Decision:
    """Return a decision of this id."""
    return Decision(transaction_id, "approve", False, 1, 0.1, [], [], "card-1.0", "", [], 0, 1.0, {})


@asynccontextmanager
async def serving(server: Server) -> AsyncIterator[str]:
    """Run it; yield its address."""
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


async def test_more_questions_than_connections_are_all_answered() -> None:
    """As many at once as there are connections."""
    server, ids = Server(), [f"t{number}" for number in range(3 * CONNECTIONS)]
    server.may_answer.set()
    async with serving(server) as url, AsyncClient(url, patience_s=60) as client:
        found = await asyncio.gather(*(client.fetch(each) for each in ids))

    assert ids == [each.transaction_id for each in found if each is not None]
    assert CONNECTIONS >= server.most_waiting


async def test_a_question_waits_for_a_connection_no_longer_than_its_patience() -> None:
    """The error says so."""
    async with serving(Server()) as url, AsyncClient(url, patience_s=1.0) as client:
        others = [asyncio.create_task(client.fetch(f"t{number}")) for number in range(CONNECTIONS)]
        await asyncio.sleep(0)
        with pytest.raises(ApiError) as error:
            await client.fetch("one too many")
        for each in others:
            each.cancel()

    assert (0, "unreachable") == (error.value.status, error.value.code)
    assert isinstance(error.value.__cause__, httpx.PoolTimeout)
