"""Every row of the table of docs/rooms.md, against each vendor that it is about."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rooms.table import ROWS, Row, documented
from tests.rooms.vendors import SECRETS, Vendor
from undertone.core.errors import Unavailable
from undertone.rooms.base import Room, RoomProvider, RoomsMisset

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

CASES = [(name, row) for row in ROWS for name in row.on]


def test_the_page_has_the_table() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "rooms.md").read_text()
    assert documented() in page, "write it anew: python docs/generate.py"


@pytest.mark.parametrize(("name", "row"), CASES, ids=[f"{row.key}-{name}" for name, row in CASES])
async def test_what_undertone_does(vendors: dict[str, Vendor], nowhere: str, name: str, row: Row) -> None:
    vendor = vendors[name]
    usual = vendor.provider()
    room = await usual.open("m1", "Algebra") if row.when in ("join", "end") else Room()
    await usual.aclose()
    vendor.app.behave()
    provider = vendor.provider(url=nowhere if "gone" in row.answers else None)
    replies = [vendor.reply(told) for told in row.answers if told != "gone"]
    if row.stays and replies:
        vendor.app.always = replies[0]
    else:
        vendor.app.will(*replies)
    try:
        ends, fault = await outcome(provider, row.when, room)
    finally:
        await provider.aclose()
    assert (ends, len(vendor.app.calls)) == (row.ends, row.calls), fault
    assert row.says in fault
    if isinstance(fault, Words):
        assert fault.retry_after_s == row.retry_after_s
    assert SECRETS[name] not in fault
    assert not re.search(r"Bearer|Basic", fault)


class Words(str):
    """A fault's detail."""

    __slots__ = ("retry_after_s",)
    retry_after_s: float | None


async def outcome(provider: RoomProvider, when: str, room: Room) -> tuple[str, str]:
    """How the call ended, and in what words."""
    try:
        match when:
            case "start":
                await provider.check()
            case "create":
                assert (await provider.open("m2", "Geometry")).data
            case "join":
                admission = await provider.admit(room, "p1", "Ada", "candidate")
                assert admission.data["token"]
            case "end":
                await provider.close(room)
    except RoomsMisset as fault:
        return "misset", str(fault)
    except Unavailable as fault:
        words = Words(fault.detail)
        words.retry_after_s = None if fault.retry_after_ms is None else fault.retry_after_ms / 1000
        return "unavailable", words
    return "ok", ""
