"""Links: they play one clip for five minutes, and nothing else ever."""

from __future__ import annotations

import time
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.core.errors import Forbidden
from undertone.web.links import LINK_SECONDS, Links

OLD = "the secret of last year, 32 characters"
NEW = "the secret of this year, 32 characters"


def query_of(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_a_link_says_for_whom_it_was_made(who: str) -> None:
    url, expires_at = Links([NEW]).sign("m1", "ada-1-0-00ff", who)
    assert urlsplit(url).path == "/meetings/m1/clips/ada-1-0-00ff"
    assert LINK_SECONDS - 2 <= expires_at.timestamp() - time.time() <= LINK_SECONDS
    assert Links([NEW, OLD]).check("m1", "ada-1-0-00ff", query_of(url)) == who


def test_links_outlive_a_rotation_while_both_secrets_are_known() -> None:
    query = query_of(Links([OLD]).sign("m1", "c", "Grace")[0])
    assert Links([NEW, OLD]).check("m1", "c", query) == "Grace"
    with pytest.raises(Forbidden, match="signature is wrong"):
        Links([NEW]).check("m1", "c", query)


@pytest.mark.parametrize("change", [{"by": "Eve"}, {"expires": "9999999999"}, {"signature": "x"}, {"signature": "é"}])
def test_a_changed_link_is_forged(change: dict[str, str]) -> None:
    query = query_of(Links([NEW]).sign("m1", "c", "Grace")[0])
    with pytest.raises(Forbidden, match="signature is wrong"):
        Links([NEW]).check("m1", "c", {**query, **change})


def test_a_link_plays_its_own_clip_of_its_own_meeting() -> None:
    query = query_of(Links([NEW]).sign("m1", "c", "Grace")[0])
    for meeting, clip in (("m2", "c"), ("m1", "d")):
        with pytest.raises(Forbidden, match="signature is wrong"):
            Links([NEW]).check(meeting, clip, query)


@pytest.mark.parametrize("expires", ["", " 1", "+1", "1_0", "-1", "١٢", "9" * 11, "soon"])
def test_what_has_not_our_form_is_no_link(expires: str) -> None:
    with pytest.raises(Forbidden, match="no link of ours"):
        Links([NEW]).check("m1", "c", {"by": "x", "expires": expires, "signature": "x"})


def test_a_link_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    links = Links([NEW])
    query = query_of(links.sign("m1", "c", "Grace")[0])
    later = time.time() + LINK_SECONDS + 1
    monkeypatch.setattr("undertone.web.links.time.time", lambda: later)
    with pytest.raises(Forbidden, match="expired"):
        links.check("m1", "c", query)
