"""HTTP besides bodies (heads, trailers, silence): bounded in bytes and in time, as in uvicorn it is not."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024  # a browser's with all its cookies has 8; ours carry one credential
HEAD_WITHIN_S: Final = 10.0  # as a body: a head arrives at once, and whoever dribbles holds no connection


class BoundedHeads(HttpToolsProtocol):
    """One HTTP connection: 431 for a head or trailers that are too large, 408 for a head that stops in its midst.

    A connection on which nothing was begun ends without a word: a 408 sent into silence may cross the next request of
    a browser or a proxy, which would take it for the answer; a line that closed is one they try again on another.
    """

    _head_begun = False
    _got_somewhere = False  # in this read: a head, a piece of a body, or a message was whole
    _bytes_since = 0
    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A connection that says nothing is given the same time."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._await_nothing()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The time of a head counts from its first byte. While an answer is on its way, its end begins it."""
        super().on_message_begin()
        self._head_begun = True
        if not self._answering:
            self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        """A trailer is dropped: nobody reads them, and they are no header fields (RFC 9110 section 6.5.1)."""
        if self._head_begun:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._await_nothing()
        self._head_begun = False
        self._got_somewhere = True
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Whoever reads the body bounds it."""
        self._got_somewhere = True
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The next one may follow in the same read."""
        self._got_somewhere = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The next head is awaited, what is left of this body before it; uvicorn ends a line that is idle after 5 s."""
        super().on_response_complete()
        if not self._answering and not self.transport.is_closing():
            self._await_head()

    def data_received(self, data: bytes) -> None:
        """Bytes that get nowhere are counted: at most one read more than the limit is held."""
        if self.transport.is_closing():
            return
        self._got_somewhere = False
        super().data_received(data)
        self._bytes_since = 0 if self._got_somewhere else self._bytes_since + len(data)
        if self._bytes_since > MAX_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    @property
    def _answering(self) -> bool:
        """The last request has had no whole answer; none before it, then, may have had one."""
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        self._await_nothing()
        self._head_due = self.loop.call_later(HEAD_WITHIN_S, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _await_nothing(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _refuse(self, status: HTTPStatus) -> None:
        self._await_nothing()
        if self.transport.is_closing():
            return
        if self._is_next:
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(line.encode())
        self.transport.close()

    @property
    def _is_next(self) -> bool:
        """Whether what is refused is what the peer awaits the next answer to: any other would garble or mislead."""
        if self._answering:
            return not (self._head_begun or self.pipeline or self.cycle.response_started)
        return self._head_begun
