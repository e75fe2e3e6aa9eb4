"""What to make of a status of Deepgram's, and how long to wait before the next attempt. Pure.

https://developers.deepgram.com/docs/errors ("Handling HTTP Errors"); full jitter as in Marc Brooker's "Exponential
Backoff And Jitter" (AWS Architecture Blog, 2015).
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

# "Some of these errors may succeed if retried". 422 says that the upload broke off.
_PASSING: Final = frozenset({408, 422, 429})
# The operator's to mend: the same for every window until then.
_REFUSED: Final = {
    401: "refuses this service's key",
    402: "has no credit left for this service's account",
    403: "does not let this service's key use the model",
    404: "is not found at the configured address",
}
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 10.0
# Of a vendor's own words: a line is read, no page.
_MOST_WORDS: Final = 120


def passes(status: int) -> bool:
    """Whether another attempt may succeed."""
    return status in _PASSING or 500 <= status <= 599


def refused(status: int) -> bool:
    """Whether no window will succeed before somebody has mended key, account or address."""
    return status in _REFUSED


def reason(status: int, body: bytes) -> str:
    """In words for a proctor and for the log: whose fault, the status, and what Deepgram says itself."""
    if status in _REFUSED:
        what = _REFUSED[status]
    elif passes(status):
        what = "is asked too much" if status == 429 else "could not answer"
    else:
        what = "does not take the clip"
    said = words(body)
    return f"Deepgram {what} ({status}{': ' + said if said else ''})"


def code(body: bytes) -> str | None:
    """The name that an error's body carries."""
    said = _error(body)
    return next((said[key] for key in ("err_code", "category", "error_code") if isinstance(said.get(key), str)), None)


def words(body: bytes) -> str:
    """What an error's body says: `err_code` and `err_msg`, or the newer `category` and `message`."""
    said = _error(body)
    texts = [said.get(key) for key in ("err_code", "category", "error_code", "err_msg", "message", "details")]
    return ", ".join(text for text in texts if isinstance(text, str))[:_MOST_WORDS]


def _error(body: bytes) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def pause(attempts: int, spread: float, retry_after_s: float | None) -> float:
    """Seconds until the next attempt after so many; `spread` is 0 to 1, at random. Never before Retry-After."""
    backoff = spread * min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (attempts - 1))
    return backoff if retry_after_s is None else retry_after_s + backoff
