"""Who is let in as whom, again, and out: what the vendors hold afterwards."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import anyio
import pytest

from tests.rooms.vendors import Vendor
from tests.standins import livekit
from tests.standins.kit import Kit
from tests.standins.livekit import LiveKit, claims_of
from tests.standins.serving import NeverAnswers, Slowly
from undertone.core.errors import Unavailable
from undertone.rooms.base import Room, RoomsMisset
from undertone.store.meetings import Meeting
from undertone.web.rooms import Lobby

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture(params=["realtimekit", "dyte"])
def kit(request: pytest.FixtureRequest, vendors: dict[str, Vendor]) -> Vendor:
    return vendors[request.param]


def held(vendor: Vendor) -> Kit:
    assert isinstance(vendor.account, Kit)
    return vendor.account


async def test_each_role_has_its_preset_unless_the_caller_names_one(kit: Vendor) -> None:
    provider = kit.provider()
    room = await provider.open("m", "Algebra")
    there = held(kit).meetings[room.data["id"]]
    for who, role, preset in (
        ("p1", "candidate", None),
        ("p2", "proctor", None),
        ("p3", "candidate", "group_call_host"),
    ):
        admission = await provider.admit(room, who, f"Person {who}", role, preset)  # type: ignore[arg-type]
        added = there["participants"][admission.data["id"]]
        assert admission.data == {
            "provider": kit.name,
            "id": added["id"],
            "token": added["token"],
            "server": {"realtimekit": "realtime.cloudflare.com", "dyte": "dyte.io"}[kit.name],
        }
    added = [
        (each["custom_participant_id"], each["preset_name"], each["name"]) for each in there["participants"].values()
    ]
    assert added == [
        ("p1", "group_call_participant", "Person p1"),
        ("proctor:p2", "group_call_host", "Person p2"),
        ("p3", "group_call_host", "Person p3"),
    ]
    assert there["title"] == "Algebra"
    await provider.aclose()


async def test_who_comes_again_is_the_same_one_with_a_fresh_token(kit: Vendor) -> None:
    provider = kit.provider()
    room = await provider.open("m", "Algebra")
    first = await provider.admit(room, "p1", "Ada", "candidate")
    again = await provider.admit(room, "p1", "Ada", "candidate")
    assert again.data["id"] == first.data["id"]
    [there] = held(kit).meetings[room.data["id"]]["participants"].values()
    assert again.data["token"] == there["token"] != first.data["token"]
    # The vendor has forgotten: added anew.
    held(kit).meetings[room.data["id"]]["participants"].clear()
    anew = await provider.admit(room, "p1", "Ada", "candidate")
    assert anew.data["id"] != first.data["id"]
    await provider.aclose()


async def test_who_is_shown_out_can_not_come_back_and_at_the_end_nobody_enters(kit: Vendor) -> None:
    provider = kit.provider()
    room = await provider.open("m", "Algebra")
    another_node = kit.provider()
    await provider.admit(room, "q", "Somebody", "candidate")
    there = held(kit).meetings[room.data["id"]]["participants"]
    ((_, somebody),) = there.items()
    for number in range(149):  # more than one page of them
        there[f"q{number}"] = {**somebody, "id": f"q{number}", "custom_participant_id": f"q{number}"}
    await provider.admit(room, "p1", "Ada", "candidate")
    await another_node.admit(room, "p1", "Ada", "candidate")
    third_node = kit.provider()
    await third_node.remove(room, "p1", "candidate")
    left = held(kit).meetings[room.data["id"]]["participants"]
    assert len(left) == 150
    assert "p1" not in {each["custom_participant_id"] for each in left.values()}
    await another_node.aclose()
    await third_node.aclose()
    assert held(kit).kicked[-1] == "p1"
    await provider.remove(room, "unknown", "proctor")  # who is not there is fine
    await provider.close(room)
    assert held(kit).kicked[-1] == "all"
    with pytest.raises(Unavailable, match="Meeting is inactive"):
        await provider.admit(room, "p1", "Ada", "candidate")
    await provider.aclose()


async def test_who_is_shown_out_while_their_token_is_refreshed_breaks_nothing(kit: Vendor) -> None:
    provider = kit.provider()
    room = await provider.open("m", "Algebra")
    first = await provider.admit(room, "p1", "Ada", "candidate")
    kit.app.will(Slowly(0.05), Slowly(0.15))  # the refresh; and the list, which takes longer
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(provider.remove, room, "p1", "candidate")
        again = await provider.admit(room, "p1", "Ada", "candidate")
    assert again.data["id"] == first.data["id"]
    assert not held(kit).meetings[room.data["id"]]["participants"]
    await provider.aclose()


async def test_refusals_of_those_who_join_are_in_the_log_once(kit: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    provider = kit.provider()
    room = await provider.open("m", "Algebra")
    for who in ("p1", "p2"):
        with pytest.raises(Unavailable, match="No preset found"):
            await provider.admit(room, who, "Ada", "candidate", preset="deleted")
    [line] = [each for each in caplog.messages if "as somebody joined" in each]
    assert "404, “No preset found with name deleted”" in line
    await provider.aclose()


async def test_who_shows_somebody_out_does_not_wait_for_ever(kit: Vendor, caplog: pytest.LogCaptureFixture) -> None:
    provider = kit.provider()
    room = await provider.open("m", "Algebra")
    meeting = Meeting("m", "Algebra", datetime.now(UTC), None, b"", b"", provider.name, room.data)
    kit.app.always = NeverAnswers()
    await Lobby(provider, showing_out=0.05).leave(meeting, "p1", "candidate")
    assert f"p1 of meeting m may still be in the room: {provider.name} took longer than 0.05 s" in caplog.messages
    await provider.aclose()


async def test_after_a_failure_others_are_told_at_once_and_then_it_is_asked_again(kit: Vendor) -> None:
    provider = kit.provider()
    room = await provider.open("m", "Algebra")
    kit.app.always = NeverAnswers()
    with pytest.raises(Unavailable, match="did not answer"):
        await provider.admit(room, "p1", "Ada", "candidate")
    asked = len(kit.app.calls)
    for number in range(100):
        with pytest.raises(Unavailable, match="did not answer") as caught:
            await provider.admit(room, f"q{number}", "Grace", "candidate")
        assert caught.value.retry_after_ms
        assert 0 < caught.value.retry_after_ms <= 251
    assert len(kit.app.calls) == asked
    kit.app.behave()
    await anyio.sleep(0.26)
    assert (await provider.admit(room, "p1", "Ada", "candidate")).data["token"]
    await provider.aclose()


async def test_a_wrong_key_is_found_at_the_start_and_not_repeated(vendors: dict[str, Vendor]) -> None:
    for name, setting in (
        ("realtimekit", "UNDERTONE_REALTIMEKIT_TOKEN"),
        ("dyte", "UNDERTONE_DYTE_KEY"),
        ("livekit", "UNDERTONE_LIVEKIT_API_SECRET"),
    ):
        provider = vendors[name].provider(secret="somebody-else's-key-0123456789abcdef")
        with pytest.raises(RoomsMisset, match=setting) as caught:
            await provider.check()
        assert "somebody-else" not in str(caught.value)
        await provider.aclose()


async def test_a_livekit_token_says_who_where_and_what_they_may(vendors: dict[str, Vendor]) -> None:
    provider = vendors["livekit"].provider()
    account = vendors["livekit"].account
    assert isinstance(account, LiveKit)
    room = await provider.open("m", "Algebra")
    assert list(account.rooms) == ["undertone-m"]
    assert "Algebra" not in str(account.rooms)  # LiveKit logs names of rooms
    assert (await provider.open("m", "Algebra")).data == room.data
    for role, who in (("candidate", "p1"), ("proctor", "proctor:p1")):
        admission = await provider.admit(room, "p1", "Ada", role)  # type: ignore[arg-type]
        assert admission.data["id"] == who
        assert admission.data["server"] == vendors["livekit"].url.replace("http", "ws")
        claims = claims_of(admission.data["token"])
        assert (claims["sub"], claims["name"], claims["iss"]) == (who, "Ada", livekit.KEY)
        assert 0 < claims["exp"] - time.time() <= 600
        assert claims["video"] == {
            "room": "undertone-m",
            "roomJoin": True,
            "canPublish": True,
            "canPublishSources": ["camera", "microphone"],
            "canSubscribe": True,
            "canPublishData": False,
            "canUpdateOwnMetadata": False,
        }
    await provider.remove(room, "p1", "proctor")
    assert account.removed == [("undertone-m", "proctor:p1")]
    await provider.close(room)
    assert not account.rooms
    await provider.aclose()


@pytest.mark.parametrize(
    ("url", "reached"),
    [
        ("wss://live.example.org", ("wss://live.example.org", "https://live.example.org")),
        ("https://live.example.org/path/", ("wss://live.example.org", "https://live.example.org")),
        ("ws://127.0.0.1:7880", ("ws://127.0.0.1:7880", "http://127.0.0.1:7880")),
    ],
)
async def test_a_page_may_reach_the_livekit_server_and_nothing_else(url: str, reached: tuple[str, ...]) -> None:
    from undertone.rooms.livekit import LiveKitRooms

    provider = LiveKitRooms(url, "k", "s" * 32)
    assert provider.reach.connect == reached
    assert not provider.reach.workers
    assert (await provider.admit(Room({"name": "r"}), "p", "Ada", "candidate")).data["server"].startswith(reached[0])
    await provider.aclose()
