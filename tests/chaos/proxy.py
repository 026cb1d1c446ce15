"""A network that delays, drops or resets what is sent: a proxy between worker and broker, which the broker advertises."""

import asyncio
import socket
import struct
from collections.abc import Mapping

from fraudstream.adapters.broker.config import HOST
from fraudstream.adapters.broker.ports import claim
from tests.chaos.cluster import USUAL

CHUNK_BYTES = 64 * 1024
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER of zero seconds: closing sends RST instead of FIN."""
FAULTS = ("delayed", "silent", "half-open", "reset", "refused")


class Proxy:
    """Forwards bytes both ways while `fault` is None."""

    def __init__(self) -> None:
        self.port, self.behind = claim(0, 0)
        self.fault: str | None = None
        self._healthy = asyncio.Event()
        self._healthy.set()
        self._connections: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def listeners(self) -> Mapping[str, str]:
        """Return the properties of a listener that advertises this proxy, beside the broker's own."""
        return {
            "listeners": f"{USUAL},PROXIED://{HOST}:{self.behind}",
            "advertised.listeners": f"{USUAL},PROXIED://{HOST}:{self.port}",
            "listener.security.protocol.map": f"{USUAL},PROXIED:PLAINTEXT",
        }

    @property
    def address(self) -> str:
        """Return where clients connect to."""
        return f"{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def stop(self) -> None:
        """Cut everything and listen no more."""
        if self._server is not None:
            self._server.close()
            self._cut()
            await self._server.wait_closed()

    def begin(self, fault: str) -> None:
        """Let the network fail in one of the ways of FAULTS."""
        self.fault = fault
        if fault in {"silent", "half-open"}:
            self._healthy.clear()
        if fault in {"reset", "refused"}:
            self._cut()

    def end(self) -> None:
        """End the fault; half-open connections are reset."""
        if self.fault == "half-open":
            self._cut()
        self.fault = None
        self._healthy.set()

    def _cut(self) -> None:
        for writer in self._connections:
            if writer.is_closing():
                continue
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
            writer.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault == "refused":
            writer.transport.abort()
            return
        try:
            onward_reader, onward_writer = await asyncio.open_connection(HOST, self.behind)
        except OSError:
            writer.transport.abort()
            return
        both = {writer, onward_writer}
        self._connections |= both
        try:
            await asyncio.gather(self._pipe(reader, onward_writer), self._pipe(onward_reader, writer))
        finally:
            self._connections -= both
            for end in both:
                end.close()

    async def _pipe(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(CHUNK_BYTES):
                await self._healthy.wait()
                if self.fault == "delayed":
                    await asyncio.sleep(0.3)
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            writer.transport.abort()
        else:
            writer.close()
