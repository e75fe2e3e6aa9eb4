"""Who joins by the polling front end's routes: with a credential or without, with a room provider or without."""

from __future__ import annotations

import json
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette

from tests.core.frames import WINDOW_FRAMES, frames
from tests.standins import realtimekit
from tests.standins.kit import Kit
from tests.standins.serving import Answers, serving
from tests.web.here import dial, hear
from tests.web.polling.page import Page, heard
from tests.web.room import problem_of
from tests.web.watched import Watched
from undertone.core.messages import Finish, StreamHello
from undertone.core.messages import encode as encode_message
from undertone.rooms.base import Role, RoomProvider
from undertone.rooms.realtimekit import realtimekit as realtimekit_rooms
from undertone.web.calls import routes
from undertone.web.problems import HANDLERS
from undertone.web.rooms import Lobby

pytestmark = pytest.mark.anyio

PRESET = {"preset_name": "audio_proc_preset"}
MINUTE = frames(WINDOW_FRAMES + 1)


async def test_joining_is_answered_twice_over(page: Page) -> None:
    answer = await page.join()
    assert answer.status_code == 201
    body = answer.json()
    detail = json.loads(body.pop("detail"))
    assert detail == body
    assert set(body) == {"success", "data", "undertone"}
    assert body["undertone"].items() <= body["data"].items(), "no provider has ids of its own"
    [event] = await page.events()
    assert (event["kind"], event["participant"]["id"]) == ("candidate_joined", body["data"]["id"])


async def test_who_shows_a_credential_is_who_they_were_without_these_routes(page: Page) -> None:
    path = f"/meetings/{page.id}/participants"
    body = {"name": "Ada", "external_id": "ada", "expected_voices": 2}
    answer = await page.post(path, body, Authorization=f"Bearer {page.admin_id}")
    assert answer.status_code == 201
    assert set(answer.json()) == {"success", "data", "undertone", "detail"}
    assert answer.json()["data"]["name"] == "Ada"
    [row] = await page.rows("select expected_voices, external_id from participants where meeting = :meeting")
    assert dict(row) == {"expected_voices": 2, "external_id": "ada"}
    again = await page.post(path, body, Authorization=f"Bearer {page.admin_id}")
    assert problem_of(again)[:2] == (409, "conflict")
    refused = await page.post(path, body, Authorization="Bearer nonsense")
    assert problem_of(refused)[:2] == (401, "unauthorized")
    # Without one, what takes more than the join_secret is nobody's to say.
    answer = await page.join(expected_voices=9, external_id="ada")
    [row] = await page.rows("select expected_voices from participants where meeting = :meeting and name = 'new user'")
    assert row["expected_voices"] == 1


@pytest.mark.parametrize("meeting", ["nobody", "no.such"])
async def test_nobody_joins_what_is_not_there(page: Page, meeting: str) -> None:
    answer = await page.post(f"/meetings/{meeting}/participants", {"name": "Ada"})
    assert problem_of(answer)[:2] == (404, "not_found")


async def test_nobody_joins_or_uploads_after_the_end(page: Page) -> None:
    end = await page.post(f"/meetings/{page.id}/end", None, Authorization=f"Bearer {page.admin_id}")
    assert end.status_code == 204
    assert problem_of(await page.join())[:2] == (409, "meeting_ended")
    assert problem_of(await page.upload(frames(100)))[:2] == (409, "meeting_ended")
    assert await page.rows("select from participants where meeting = :meeting") == []


async def test_a_provider_s_participant_is_known_by_its_id(house: Watched) -> None:
    assert house.node.polling is not None
    theirs = realtimekit.realtimekit()
    theirs.presets.append("audio_proc_preset")
    with serving(theirs.app) as url:
        presets: dict[Role, str] = {"candidate": "group_call_participant", "proctor": "group_call_host"}
        rooms = realtimekit_rooms(url, realtimekit.ACCOUNT, realtimekit.APP, realtimekit.TOKEN, presets)
        await _known_by_its_id(house, theirs, rooms)
        await rooms.aclose()


async def _known_by_its_id(house: Watched, theirs: Kit, rooms: RoomProvider) -> None:
    assert house.node.polling is not None
    polling = replace(house.node.polling, meetings=replace(house.node.polling.meetings, lobby=Lobby(rooms)))
    app = Starlette(routes=routes(polling.entries()), exception_handlers=HANDLERS)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://theirs") as http, heard(house):
        page = await Page(house, http).create()
        answer = (await page.join()).json()
        data = json.loads(answer["detail"])["data"]
        [added] = theirs.participants()
        assert (added["name"], added["preset_name"]) == ("new user", "audio_proc_preset")
        assert (data["id"], data["token"]) == (added["id"], added["token"])
        participant = added["custom_participant_id"]
        assert answer["undertone"]["id"] == participant
        async with dial(house.url + "/stream") as line:
            await line.send(encode_message(StreamHello(token=answer["undertone"]["token"])))
            assert (await hear(line))["type"] == "ready"
            await line.send(encode_message(Finish()))
            assert (await hear(line))["type"] == "finished"
        assert (await page.upload(MINUTE, data["id"])).json()["id"] == data["id"]
        [row] = await page.rows("select participant, streams, external_id from participants where meeting = :meeting")
        assert dict(row) == {"participant": participant, "streams": 2, "external_id": data["id"]}
        [[_, meeting, reported, *_]] = await page.reports()
        assert (meeting, reported) == (page.id, data["id"])
        # Somebody of ours, who shows a credential, gets our token.
        headers = {"Authorization": f"Bearer {page.admin_id}"}
        ours = (await page.post(f"/meetings/{page.id}/participants", {"name": "Ada"}, **headers)).json()["data"]
        assert ours["room"]["token"] == theirs.participants()[-1]["token"] != ours["token"]
        # That page behind a proxy that adds a credential is that page still.
        theirs_too = (await page.post(f"/meetings/{page.id}/participants", {"name": "Eve", **PRESET}, **headers)).json()
        added = theirs.participants()[-1]
        assert (added["name"], added["preset_name"]) == ("Eve", "audio_proc_preset")
        assert json.loads(theirs_too["detail"])["data"] == theirs_too["data"]
        assert (theirs_too["data"]["id"], theirs_too["data"]["token"]) == (added["id"], added["token"])
        assert theirs_too["undertone"]["id"] == added["custom_participant_id"]
        known = await page.rows("select external_id from participants where meeting = :meeting and name = 'Eve'")
        assert [row["external_id"] for row in known] == [added["id"]]
        # Who is refused does not stay in the room.
        there = theirs.participants()
        again = await page.post(
            f"/meetings/{page.id}/participants", {"name": "Eve", "external_id": added["id"]}, **headers
        )
        assert problem_of(again)[:2] == (409, "conflict")
        assert theirs.participants() == there
        # Their provider is away: they are heard all the same, by our id.
        theirs.app.always = Answers(403)
        alone = (await page.join()).json()
        assert alone["data"]["id"] == alone["undertone"]["id"]
        assert "missing" in alone["data"]["room"]
