"""What a proctor's session would hide is seen before it: what a server leaves out, doubles, or takes back."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.client.sockets import ChannelHost, Impatient, hosting
from tests.client.watching import event
from undertone.core.messages import Cursor
from undertone_client.connection import ProctorChannel
from undertone_client.session import ServerFault
from undertone_client.simulate.tap import Tap


def ready(last_id: int, *, recovered: bool = False) -> str:
    return msgspec.json.encode(
        {"type": "ready", "meeting": "m", "epoch": "one", "recovered": recovered, "last_id": last_id}
    ).decode()


def tick(last_id: int) -> str:
    return msgspec.json.encode({"type": "tick", "last_id": last_id}).decode()


def told(number: int, kind: str = "candidate_streaming") -> str:
    return event(number, kind).text


def heard(*texts: str, cursor: int | None = None, tap: Tap | None = None) -> list[str]:
    tap = tap or Tap()
    for text in texts:
        tap.heard(text, None if cursor is None else Cursor(epoch="one", id=cursor))
    return tap.wrong


def test_nothing_is_said_of_a_channel_in_order() -> None:
    tap = Tap()
    assert heard(ready(4), told(5), tick(5), told(6), tick(8), "no JSON", tap=tap) == []
    tap.closed()
    assert heard(ready(9, recovered=True), told(6), told(7), cursor=5, tap=tap) == []  # the older cursor brings 6 again
    assert tap.events == 4


@pytest.mark.parametrize(
    ("texts", "cursor", "says"),
    [
        ((ready(4), told(5), told(7)), None, "event 7 came after event 5: those between were left out"),
        ((ready(4), told(6)), None, "event 6 came after event 4: those between were left out"),
        ((ready(9, recovered=True), told(7)), 5, "event 7 came after event 5: those between were left out"),
        ((ready(4), told(5), told(5)), None, "event 5 came again after event 5"),
        ((ready(4), told(4)), None, "event 4 came again after event 4"),
        ((ready(4), told(5), told(6), told(5)), None, "event 5 came again after event 6"),
        ((told(1),), None, "event 1 came before `ready`"),
        ((ready(3, recovered=True),), 5, "resumed after event 5, and told that the last one was 3"),
        ((ready(4), told(5), tick(4)), None, "event 5 was followed by a tick that names 4 as the last one"),
    ],
)
def test_what_is_out_of_order_is_named(texts: tuple[str, ...], cursor: int | None, says: str) -> None:
    assert heard(*texts, cursor=cursor) == [says]


def test_a_hole_is_named_once() -> None:
    assert len(heard(ready(1), told(2), told(5), told(6), told(7))) == 1


def test_a_review_said_twice_is_answered_by_its_first_number() -> None:
    review = told(5, "anomaly_reviewed")
    assert heard(ready(4), review, told(6), review) == []


@pytest.mark.anyio
async def test_what_the_session_mends_is_seen_all_the_same() -> None:
    """A real server doubles one event and leaves one out; the channel hands on every event once."""
    host, tap, faults = ChannelHost(), Tap(), list[ServerFault]()
    async with hosting(host):
        channel = ProctorChannel(
            host.url,
            "m1",
            admin_id="secret",
            random=Impatient(),
            on_text=lambda text: tap.heard(text, channel.cursor),
            on_close=lambda *_: tap.closed(),
            on_server_fault=faults.append,
        )
        async with channel, asyncio.timeout(10):
            host.meeting.happen(2)
            host.meeting.outgoing.append(host.meeting.events[1].text)
            host.meeting.happen(2)
            had = [await anext(channel) for _ in range(4)]
            assert tap.wrong == ["event 2 came again after event 2"]
            host.meeting.happen(2)
            del host.meeting.outgoing[0]
            had += [await anext(channel) for _ in range(2)]
    assert [each.id for each in had if not isinstance(each, tuple)] == [1, 2, 3, 4, 5, 6]  # type: ignore[union-attr]
    assert tap.wrong[1:] == ["event 6 came after event 4: those between were left out"]
    assert [str(fault) for fault in faults] == ["event 6 after event 4: those between are missing"]
