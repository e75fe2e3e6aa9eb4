"""Whose fault it is: every remote fault owns its close code and its HTTP status.

Close codes 4000-4499 mean "try again", 4500-4999 mean "don't"; a client acts on the number alone. The table is the
source of the one in docs/protocol.md. HTTP errors are RFC 9457 `application/problem+json` with the same names.
"""

from __future__ import annotations

from typing import ClassVar, Final

FIRST_RETRY: Final = 4000
FIRST_FINAL: Final = 4500

# Codes below 4000 that mean "don't try again" (RFC 6455 section 7.4.1); every other one below 4000 is a broken line.
FINAL_BELOW_4000: Final = frozenset({1000, 1003, 1007, 1008, 1009})


class UndertoneError(Exception):
    """Base of everything this project raises on purpose."""


class RemoteFault(UndertoneError):
    """Something the peer did, or must be told. `detail` says what was wrong and what would be right."""

    close: ClassVar[int]
    code: ClassVar[str]
    status: ClassVar[int]
    meaning: ClassVar[str]

    def __init__(self, detail: str, retry_after_ms: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_ms = retry_after_ms


class Draining(RemoteFault):
    close, code, status = 4000, "draining", 503
    meaning = "this node is going away; another one, or its successor, takes over"


class Overloaded(RemoteFault):
    close, code, status = 4001, "overloaded", 503
    meaning = "too many sockets, or too much work waiting"


class Unavailable(RemoteFault):
    close, code, status = 4002, "unavailable", 503
    meaning = "the clip store, the database or the room provider is away"


class FellBehind(RemoteFault):
    close, code, status = 4003, "fell_behind", 503
    meaning = "the subscriber reads more slowly than events come; resume by id"


class RateLimited(RemoteFault):
    close, code, status = 4004, "rate_limited", 429
    meaning = "a limit was reached; which one is in `detail`"


class HelloTimeout(RemoteFault):
    close, code, status = 4005, "hello_timeout", 400
    meaning = "no `hello` within 5 s"


class TokenExpired(RemoteFault):
    close, code, status = 4006, "token_expired", 401
    meaning = "renew the token first; a wrong signature is 4501"


class FormatChanged(RemoteFault):
    close, code, status = 4007, "format_changed", 400
    meaning = "sample rate, MPEG version or channels changed: say hello without `stream`"


class BadMessage(RemoteFault):
    close, code, status = 4500, "bad_message", 400
    meaning = "not JSON, wrong shape, wrong order, or an unknown type"


class Unauthorized(RemoteFault):
    close, code, status = 4501, "unauthorized", 401
    meaning = "no valid credential"


class Forbidden(RemoteFault):
    close, code, status = 4502, "forbidden", 403
    meaning = "a valid credential, for something else"


class UnsupportedVersion(RemoteFault):
    close, code, status = 4503, "unsupported_version", 400
    meaning = "the subprotocol offered is not spoken here"


class BadAudio(RemoteFault):
    close, code, status = 4504, "bad_audio", 400
    meaning = "64 KiB without two agreeing frame headers, Layer I or II, or free format"


class TakenOver(RemoteFault):
    close, code, status = 4506, "taken_over", 409
    meaning = "a newer connection owns the candidate"


class MeetingEnded(RemoteFault):
    close, code, status = 4507, "meeting_ended", 409
    meaning = "the meeting has ended"


class Revoked(RemoteFault):
    close, code, status = 4508, "revoked", 403
    meaning = "the participant or proctor was revoked"


class NotFound(RemoteFault):
    close, code, status = 4509, "not_found", 404
    meaning = "an unknown or ill-formed meeting, participant or stream"


CLOSE_CODES: Final[tuple[type[RemoteFault], ...]] = (
    Draining,
    Overloaded,
    Unavailable,
    FellBehind,
    RateLimited,
    HelloTimeout,
    TokenExpired,
    FormatChanged,
    BadMessage,
    Unauthorized,
    Forbidden,
    UnsupportedVersion,
    BadAudio,
    TakenOver,
    MeetingEnded,
    Revoked,
    NotFound,
)
BY_CLOSE_CODE: Final = {fault.close: fault for fault in CLOSE_CODES}


def may_retry(close_code: int) -> bool:
    """Whether a client tries again after this close code: by the number alone, unknown numbers included."""
    if close_code < FIRST_RETRY:
        return close_code not in FINAL_BELOW_4000
    return close_code < FIRST_FINAL


class Conflict(UndertoneError):
    """HTTP only, 409: what should be created exists already (an `external_id`)."""

    code: ClassVar[str] = "conflict"
    status: ClassVar[int] = 409

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
