"""What both sessions share: renewing the token, keeping the last error, and what a close means."""

from __future__ import annotations

from enum import Enum, auto

from undertone.core.errors import BY_CLOSE_CODE, TokenExpired, UndertoneError, may_retry
from undertone.core.messages import Error, Message, Refresh, encode


class ServerFault(UndertoneError):
    """The server broke the protocol. The connection is closed and tried again: a newer node may do better."""


class Closed(UndertoneError):
    """The socket was closed for good with a code that is not in the table."""

    def __init__(self, code: int, detail: str) -> None:
        super().__init__(f"closed with {code}: {detail or 'no reason given'}")
        self.code = code


class AfterClose(Enum):
    """What to do about a connection that ended."""

    RETRY = auto()
    RENEW = auto()  # with a new token, or not at all
    OVER = auto()


def fault_of(code: int, detail: str) -> UndertoneError:
    """The named error of a close code, to be raised where the socket was used."""
    fault = BY_CLOSE_CODE.get(code)
    return Closed(code, detail) if fault is None else fault(detail or fault.meaning)


class Session:
    """Base of both: the credential, and what the number of a close means."""

    def __init__(self) -> None:
        self.error: Error | None = None  # the last one told on this connection
        self.fault: UndertoneError | None = None  # why it is over, if it is
        self._refresh: str | None = None  # a renewed token that this connection has yet to be told

    @property
    def retry_after_ms(self) -> int | None:
        """How long the server asked to be left alone."""
        return None if self.error is None else self.error.retry_after_ms

    def closed(self, code: int, reason: str = "") -> AfterClose:
        """The connection ended with this close code (1006 where there was none): decided by the number alone."""
        self._refresh = None
        if self.fault is not None:
            return AfterClose.OVER
        if code == TokenExpired.close:
            return AfterClose.RENEW
        if may_retry(code):
            return AfterClose.RETRY
        self.fault = fault_of(code, reason if self.error is None else self.error.detail)
        return AfterClose.OVER

    def _take_refresh(self) -> str | None:
        if self._refresh is None:
            return None
        token, self._refresh = self._refresh, None
        return encode(Refresh(token=token))


def unexpected(message: Message, state: str) -> ServerFault:
    """The error for a message that its state does not allow."""
    return ServerFault(f"`{message.__struct_config__.tag}` in state {state}")
