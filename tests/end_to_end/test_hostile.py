"""Each sort of rubbish against a real server: it gets what it should, and those beside it notice nothing."""

from __future__ import annotations

from random import Random

import pytest

from tests.core.frames import frames
from tests.end_to_end.conftest import Nodes
from tests.end_to_end.wire import Room, channel, stream
from undertone.core.requests import MeetingCreated, MeetingData
from undertone_client.simulate import hostile
from undertone_client.simulate.hostile import BROKEN, SORTS, Sort
from undertone_client.simulate.service import Service

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


def created(room: Room) -> MeetingCreated:
    data = MeetingData(id=room.id, title="Algebra", created_at="")
    return MeetingCreated(data=data, admin_id=room.admin_id, join_secret=room.join_secret)


@pytest.mark.parametrize("sort", SORTS, ids=[sort.name for sort in SORTS])
@pytest.mark.parametrize("alone", [False, True], ids=["of two meetings", "of one"])
async def test_it_is_answered_as_it_should_be_and_no_peer_notices(nodes: Nodes, sort: Sort, alone: bool) -> None:
    candidate, _ = await stream(nodes.first, nodes.room.join()["token"])
    proctor, _ = await channel(nodes.first, nodes.room)
    meetings = [created(nodes.room)] if alone else [created(nodes.room), created(Room.create(nodes.first))]
    async with Service([nodes.first.url], None, seed=1) as service:
        # The lot says which of the meetings it is: all of them come up.
        for seed in range(1 if alone else 3):
            answer = await hostile.send(service, sort, meetings, Random(seed))
            assert answer.fault(struck=False) is None
            assert answer.code in sort.codes
            if answer.code not in (hostile.INVALID_TEXT, hostile.TOO_LARGE, 1000):
                assert answer.said  # by name, before the close
    await candidate.audio(frames(100))
    await candidate.say({"type": "finish"})
    code, heard = await candidate.closed()
    assert (code, heard[-1]["type"]) == (1000, "finished")
    events = await proctor.hear_until("event")
    while events[-1].get("kind") != "candidate_finished" or events[-1]["participant"]["name"] != "Ada":
        events.append(await proctor.hear())
    assert [each["id"] for each in events] == list(range(events[0]["id"], events[-1]["id"] + 1))
    await proctor.close()


async def test_a_server_that_is_not_there_is_no_answer(nodes: Nodes) -> None:
    async with Service([nodes.first.url], None, seed=1) as service:
        service.servers = ("http://127.0.0.1:9",)
        answer = await hostile.send(service, SORTS[0], [created(nodes.room)], Random(1))
    assert answer.code == BROKEN
    assert answer.fault(struck=False) is not None
