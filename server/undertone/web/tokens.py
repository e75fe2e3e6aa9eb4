"""What a token says, signed; and secrets that only their holders know.

Tokens are JWTs (RFC 7519), HS256, with the claims `sub`, `meeting`, `role`, `name` and `exp`. The header's `kid` says
which secret signed: its fingerprint, so that whoever mints tokens elsewhere need not agree on names. A token without
`kid`, or with a name of the minter's own for it, is tried with every secret.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

import jwt

from undertone.core.errors import Forbidden, NotFound, TokenExpired, Unauthorized

Role = Literal["candidate", "proctor"]

ALGORITHM: Final = "HS256"
MAX_TOKEN_CHARACTERS: Final = 4096  # as in the messages; ours have about 300
MAX_NAME_CHARACTERS: Final = 200  # as in the messages
# JSON can write half of a surrogate pair; UTF-8, and so PostgreSQL, can't. Nor does PostgreSQL keep NUL.
_UNWRITABLE: Final = re.compile("[\0\ud800-\udfff]")
_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,64}")  # as schema.sql checks it


@dataclass(frozen=True, slots=True)
class Claims:
    """What a verified token says. `exp` is in seconds since 1970; `expired` only where an old token was allowed."""

    sub: str
    meeting: str
    role: Role
    name: str
    exp: int
    expired: bool = False

    @property
    def expires_at(self) -> datetime:
        """When the token ends."""
        return datetime.fromtimestamp(self.exp, UTC)


def new_id() -> str:
    """The id of a meeting, participant or proctor: 64 random bits, so none is met by counting."""
    return secrets.token_hex(8)


def new_secret() -> str:
    """An `admin_id` or `join_secret`: 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_secret(secret: str) -> bytes:
    """What is kept of a secret: SHA-256. 256 random bits need neither salt nor stretching."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def holds(secret: str, kept: bytes) -> bool:
    """Whether `secret` is the one of which `kept` is the hash; takes the same time wherever they differ."""
    return hmac.compare_digest(hash_secret(secret), kept)


def well_formed(identifier: str) -> bool:
    """Whether this can be the id of anything."""
    return _ID.fullmatch(identifier) is not None


def require_well_formed(meeting: str, participant: str | None = None) -> None:
    """Raises NotFound for an id that can't exist, so that the database is not asked."""
    for what, identifier in (("meeting", meeting), ("participant", participant)):
        if identifier is not None and not well_formed(identifier):
            raise NotFound(f"{what} ids have 1 to 64 characters of 0-9, A-Z, a-z, _ and -; {identifier[:80]!r} has not")


def fingerprint(secret: str) -> str:
    """The `kid` of a secret: says which one it is and nothing else about it."""
    return hashlib.sha256(b"undertone kid\0" + secret.encode()).hexdigest()[:16]


class Tokens:
    """Mints with the first secret, verifies with all."""

    def __init__(self, signing_secrets: Sequence[str]) -> None:
        if not signing_secrets:
            raise ValueError("at least one secret is needed")
        self._kid = fingerprint(signing_secrets[0])
        self._secrets = {fingerprint(secret): secret for secret in signing_secrets}

    def mint(self, sub: str, meeting: str, role: Role, name: str, ttl_seconds: int) -> tuple[str, datetime]:
        """A token that ends `ttl_seconds` from now, and when that is."""
        exp = int(time.time()) + ttl_seconds
        claims = {"sub": sub, "meeting": meeting, "role": role, "name": name, "exp": exp}
        token = jwt.encode(claims, self._secrets[self._kid], algorithm=ALGORITHM, headers={"kid": self._kid})
        return token, datetime.fromtimestamp(exp, UTC)

    def verify(self, token: str, *, allow_expired: bool = False) -> Claims:
        """What the token says. Raises Unauthorized for one that is not ours, TokenExpired for one that has ended."""
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthorized(f"a token has at most {MAX_TOKEN_CHARACTERS} characters")
        payload = self._payload(token)
        claims = _claims(payload)
        expired = claims.exp <= time.time()
        if expired and not allow_expired:
            raise TokenExpired(f"the token ended at {claims.expires_at:%Y-%m-%dT%H:%M:%SZ}: renew it")
        return Claims(claims.sub, claims.meeting, claims.role, claims.name, claims.exp, expired)

    def _payload(self, token: str) -> dict[str, Any]:
        """The payload under the signature of one of our secrets; its end is not looked at yet."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthorized("not a token: three base64url parts joined by dots are expected (RFC 7519)") from None
        named = self._secrets.get(kid) if isinstance(kid, str) else None
        for secret in self._secrets.values() if named is None else (named,):
            try:
                return jwt.decode(
                    token,
                    secret,
                    algorithms=[ALGORITHM],
                    # Two machines' clocks differ by a little: a token from the future is as good.
                    options={"verify_exp": False, "verify_iat": False, "verify_aud": False, "require": ["sub", "exp"]},
                )
            except jwt.InvalidSignatureError:
                continue
            except (jwt.PyJWTError, ValueError, RecursionError) as error:
                raise Unauthorized(f"the token can't be used: {error}"[:300]) from None
        raise Unauthorized("the token was signed with a secret that this server does not have, or no longer")


def _claims(payload: dict[str, Any]) -> Claims:
    """The five claims, each of its type. Raises Unauthorized naming the one that is not."""
    for claim in ("sub", "meeting", "role", "name"):
        if not isinstance(payload.get(claim), str):
            raise Unauthorized(f"the token's claim {claim!r} must be a string")
    exp, role, name = payload["exp"], payload["role"], payload["name"]
    # 2^33 s is the year 2242: what lies beyond is a slip (milliseconds), and datetime would not hold it for long.
    if isinstance(exp, bool) or not isinstance(exp, int | float) or not 0 <= exp < 2**33:
        raise Unauthorized("the token's claim 'exp' must be in seconds since 1970 (RFC 7519 section 4.1.4)")
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or _UNWRITABLE.search(name):
        raise Unauthorized(
            f"the token's claim 'name' must have 1 to {MAX_NAME_CHARACTERS} characters, no NUL or half pair"
        )
    if role not in ("candidate", "proctor"):
        raise Forbidden(f"the token is for the role {role[:80]!r}; candidate and proctor are known")
    return Claims(payload["sub"], payload["meeting"], cast("Role", role), name, int(exp))
