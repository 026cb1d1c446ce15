"""HTTP/1.1 parsed by compiled code (httptools), with a limit that uvicorn does not set."""

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_BYTES_MAX = 64 * 1024
"""Of a request's first line and headers, beyond what one read of the socket brings."""


class BoundedHead(HttpToolsProtocol):
    """A connection: what is neither head nor body yet cannot grow for ever, as a header without an end would."""

    _unfinished_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; answer 400 and close if a head or a trailer is too large."""
        self._unfinished_bytes += len(data)
        super().data_received(data)
        if self._unfinished_bytes > HEAD_BYTES_MAX and not self.transport.is_closing():
            self.send_400_response(f"Headers may have {HEAD_BYTES_MAX} bytes.")

    def on_headers_complete(self) -> None:
        """Begin to count anew: the head is read."""
        self._unfinished_bytes = 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Begin to count anew: a part of the body is read."""
        self._unfinished_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Begin to count anew: the request is read."""
        self._unfinished_bytes = 0
        super().on_message_complete()
