"""Tokens and secrets: what was signed here is believed, nothing else is."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.core.errors import Forbidden, NotFound, RemoteFault, TokenExpired, Unauthorized
from undertone.web.tokens import (
    Tokens,
    fingerprint,
    hash_secret,
    holds,
    new_id,
    new_secret,
    require_well_formed,
    well_formed,
)

OLD = "the secret of last year, 32 characters"
NEW = "the secret of this year, 32 characters"
CLAIMS: dict[str, Any] = {"sub": "ada", "meeting": "m1", "role": "candidate", "name": "Ada", "exp": 4_000_000_000}


def signed(secret: str = NEW, headers: dict[str, str] | None = None, **changed: object) -> str:
    claims = {name: value for name, value in {**CLAIMS, **changed}.items() if value is not None}
    return jwt.encode(claims, secret, algorithm="HS256", headers=headers)


def test_what_was_minted_is_verified() -> None:
    token, expires_at = Tokens([NEW]).mint("ada", "m1", "proctor", "Ada Ł.", 60)
    claims = Tokens([NEW]).verify(token)
    assert (claims.sub, claims.meeting, claims.role, claims.name) == ("ada", "m1", "proctor", "Ada Ł.")
    assert claims.expires_at == expires_at
    assert 58 <= claims.exp - time.time() <= 60
    assert not claims.expired


def test_secrets_rotate() -> None:
    old = Tokens([OLD]).mint("ada", "m1", "candidate", "Ada", 60)[0]
    both = Tokens([NEW, OLD])
    assert both.verify(old).sub == "ada"
    new = both.mint("ada", "m1", "candidate", "Ada", 60)[0]
    assert jwt.get_unverified_header(new)["kid"] == fingerprint(NEW)
    assert Tokens([NEW]).verify(new).sub == "ada"
    with pytest.raises(Unauthorized, match="does not have, or no longer"):
        Tokens([NEW]).verify(old)


def test_a_token_minted_elsewhere_needs_no_kid() -> None:
    assert Tokens([NEW, OLD]).verify(signed(OLD)).sub == "ada"


def test_an_expired_token_is_told_so_and_may_still_be_shown_for_a_new_one() -> None:
    token = Tokens([NEW]).mint("ada", "m1", "candidate", "Ada", -1)[0]
    with pytest.raises(TokenExpired):
        Tokens([NEW]).verify(token)
    assert Tokens([NEW]).verify(token, allow_expired=True).expired


def test_a_wrong_signature_is_no_expired_token() -> None:
    token = jwt.encode({**CLAIMS, "exp": 1}, OLD, algorithm="HS256")
    with pytest.raises(Unauthorized):
        Tokens([NEW]).verify(token)
    with pytest.raises(Unauthorized):
        Tokens([NEW]).verify(token, allow_expired=True)


def unsigned() -> str:
    parts = [
        base64.urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "none"}, CLAIMS)
    ]
    return ".".join([*parts, ""])


def tampered() -> str:
    header, _, signature = signed().split(".")
    claims = {**CLAIMS, "meeting": "m2"}
    return ".".join([header, base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("="), signature])


@pytest.mark.parametrize(
    "token",
    [
        "",
        "x",
        "a.b.c",
        "é.é.é",
        "x" * 5000,
        unsigned(),
        tampered(),
        signed(OLD),
        signed(OLD, {"kid": "unknown"}),
        jwt.encode(CLAIMS, NEW + NEW, algorithm="HS512"),
        signed(sub=None),
        signed(exp=None),
        signed(meeting=None),
        signed(name=None),
        signed(role=None),
        signed(name=""),
        signed(name="x" * 201),
        signed(name="nul\0"),
        signed(meeting=7),
        signed(exp=True),
        signed(exp=10**13),
        signed(nbf=3_900_000_000),
    ],
)
def test_what_was_not_signed_here_as_it_should_be_is_unauthorized(token: str) -> None:
    with pytest.raises(Unauthorized):
        Tokens([NEW]).verify(token)


@pytest.mark.parametrize("kid", ["0", "main", ""])
def test_a_kid_may_have_a_name_of_the_minters_own(kid: str) -> None:
    assert Tokens([NEW, OLD]).verify(signed(OLD, {"kid": kid})).sub == CLAIMS["sub"]


def test_a_clock_that_is_a_little_ahead_mints_good_tokens() -> None:
    assert Tokens([NEW]).verify(signed(iat=int(time.time()) + 5)).sub == CLAIMS["sub"]


def test_a_role_that_nobody_has_is_forbidden() -> None:
    with pytest.raises(Forbidden, match="candidate and proctor are known"):
        Tokens([NEW]).verify(signed(role="admin"))


@given(st.text())
def test_any_text_is_a_named_fault(text: str) -> None:
    with pytest.raises(RemoteFault):
        Tokens([NEW]).verify(text)


@given(
    st.dictionaries(
        st.sampled_from([*CLAIMS, "nbf", "iat", "aud"]), st.none() | st.integers() | st.text() | st.floats()
    )
)
def test_any_signed_claims_are_a_named_fault_or_claims(changed: dict[str, Any]) -> None:
    token = jwt.encode({**CLAIMS, **changed}, NEW, algorithm="HS256")
    try:
        claims = Tokens([NEW]).verify(token)
    except RemoteFault:
        return
    assert claims.expires_at.timestamp() == claims.exp


@given(st.text())
def test_only_the_secret_itself_holds(text: str) -> None:
    secret = new_secret()
    assert holds(secret, hash_secret(secret))
    assert not holds(text, hash_secret(secret))


def test_ids() -> None:
    assert well_formed(new_id())
    assert new_id() != new_id()
    for wrong in ("", "a b", "é", "x" * 65, "a/b", "a\n", "a\0"):
        assert not well_formed(wrong)
        with pytest.raises(NotFound):
            require_well_formed("m1", wrong)
    require_well_formed("m1")
