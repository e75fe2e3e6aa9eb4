"""The head of an HTTP request (its line and header fields), bounded in bytes and in time, as uvicorn's is not."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024  # a browser's with all its cookies has 8; ours carry one credential
HEAD_WITHIN_S: Final = 10.0  # as a body: a head arrives at once, and whoever dribbles holds no connection


class BoundedHeads(HttpToolsProtocol):
    """One HTTP connection: 431 for a head that is too large, 408 for one that does not come, and the end of it."""

    _reading_head = True
    _head_bytes = 0
    _head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A connection that says nothing is given the same time."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is awaited any more."""
        self._head_arrived()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Also of the second request on a connection."""
        super().on_message_begin()
        if not self._reading_head:
            self._await_head()

    def on_headers_complete(self) -> None:
        """The head is whole."""
        self._head_arrived()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Bytes count for the head as long as it is not whole: at most one read more than the limit is held."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        if self._reading_head:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def _await_head(self) -> None:
        self._reading_head, self._head_bytes = True, 0
        self._head_due = self.loop.call_later(HEAD_WITHIN_S, self._refuse, HTTPStatus.REQUEST_TIMEOUT)

    def _head_arrived(self) -> None:
        self._reading_head = False
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _refuse(self, status: HTTPStatus) -> None:
        self._head_arrived()
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete:  # else an answer is on its way that this would garble
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            self.transport.write(line.encode())
        self.transport.close()
