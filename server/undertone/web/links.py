"""Links that play one clip for five minutes without a header: what `<audio>` needs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, urlencode

from undertone.core.errors import Forbidden

LINK_SECONDS: Final = 300  # long enough to listen to a minute a few times, too short to be worth passing on


class Links:
    """Signs with the first secret, checks with all. The keys are derived: a link's signature signs no token."""

    def __init__(self, signing_secrets: Sequence[str]) -> None:
        self._keys = [hmac.digest(secret.encode(), b"undertone clip links", "sha256") for secret in signing_secrets]

    def sign(self, meeting: str, clip: str, who: str) -> tuple[str, datetime]:
        """The path and query that play `clip` for whoever has them, on behalf of the proctor `who`; and their end."""
        expires = int(time.time()) + LINK_SECONDS
        signature = _signature(self._keys[0], meeting, clip, who, expires)
        query = urlencode({"by": who, "expires": expires, "signature": signature})
        return f"/meetings/{quote(meeting)}/clips/{quote(clip)}?{query}", datetime.fromtimestamp(expires, UTC)

    def check(self, meeting: str, clip: str, query: Mapping[str, str]) -> str:
        """Who asked for the link. Raises Forbidden for a forged or expired one."""
        who, expires, signature = query.get("by", ""), query.get("expires", ""), query.get("signature", "")
        # Only the form we write: int() would also take spaces, signs, underscores and other alphabets' digits.
        if not (expires.isascii() and expires.isdigit() and len(expires) <= 10):
            raise Forbidden("this is no link of ours: ask for one with POST …/link")
        forged = not any(
            hmac.compare_digest(_signature(key, meeting, clip, who, int(expires)).encode(), signature.encode())
            for key in self._keys
        )
        if forged:
            raise Forbidden("the link's signature is wrong: ask for a new one with POST …/link")
        if int(expires) <= time.time():
            raise Forbidden(f"the link has expired after {LINK_SECONDS} s: ask for a new one with POST …/link")
        return who


def _signature(key: bytes, meeting: str, clip: str, who: str, expires: int) -> str:
    # Neither ids nor the number hold a NUL, and `who` comes last: no two different links sign the same bytes.
    text = f"{meeting}\0{clip}\0{expires}\0{who}".encode()
    return base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).decode().rstrip("=")
