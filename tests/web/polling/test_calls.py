"""The polling front end's six routes, as its page calls them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from anyio.lowlevel import checkpoint
from starlette.applications import Starlette

from tests.core.frames import WINDOW_FRAMES, frames
from tests.store.exam import NO_SOUND, NOISE, ONE_VOICE, SOMEBODY_ELSE, TWO_VOICES
from tests.web.here import hear
from tests.web.polling.page import PAGE, Page, heard
from tests.web.room import problem_of
from tests.web.watched import Watched
from undertone.core.verdict import Diarization
from undertone.store.clips_folder import FolderClips
from undertone.web.calls import routes
from undertone.web.polling import LOOPBACK_ORIGINS, allowed_origins
from undertone.web.problems import HANDLERS

pytestmark = pytest.mark.anyio

MINUTE = frames(WINDOW_FRAMES + 1)  # "a minute" is a frame more than a window


async def test_its_way_from_a_meeting_to_a_report(house: Watched, page: Page) -> None:
    joined = (await page.join()).json()
    me = json.loads(joined["detail"])["data"]
    assert me["token"]
    assert (await page.ask("/is_admin")).json() == {"admin": True}
    async with house.watching(meeting=page.id, admin_id=page.admin_id) as (proctor, ready), heard(house):
        assert [each["id"] for each in ready["candidates"]] == [me["id"]]
        answer = (await page.upload(MINUTE, me["id"])).json()
        kinds: list[str] = []
        while not kinds or kinds[-1] != "anomaly_opened":
            kinds.append((await hear(proctor))["kind"])
    assert kinds == [
        "candidate_streaming",
        "window_stored",
        "candidate_finished",
        "window_judged",
        "anomaly_opened",
    ]
    assert (answer["id"], answer["different_voices_detected"]) == (me["id"], True)
    [[at, meeting, participant, url, verdict]] = await page.reports()
    assert (meeting, participant) == (page.id, me["id"])
    assert verdict == f"Participant Name: new user <> Anomaly: Different Voices Detected <> Participant ID: {me['id']}"
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(at) < timedelta(minutes=2)
    for link in (answer["url"], url):
        played = await house.http.get(link)
        assert (played.status_code, played.headers["content-type"]) == (200, "audio/mpeg")
        assert played.content == MINUTE
    assert (await house.http.get("/")).json()["message"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/meetings", 201),
        ("/meetings/{meeting}/participants", 201),
        ("/is_admin", 200),
        ("/multiple_voices_list", 200),
    ],
)
async def test_each_is_there_with_a_slash_and_without(page: Page, path: str, status: int) -> None:
    body = {"title": "Algebra", "name": "Ada", "meeting_id": page.id, "admin_id": page.admin_id}
    for slash in ("", "/"):
        answer = await page.post(path.format(meeting=page.id) + slash, body)
        assert answer.status_code == status, answer.text
        wrong = await page.house.http.put(path.format(meeting=page.id) + slash)
        assert wrong.status_code == 405
    assert (await page.house.http.get("/meetings/")).status_code == 405


async def test_an_upload_with_a_slash(house: Watched, page: Page) -> None:
    async with heard(house, ONE_VOICE):
        answer = await page.upload(frames(100), slash="/")
    assert (answer.status_code, answer.json()) == (200, {"id": "peer-1", "different_voices_detected": False})


@pytest.mark.parametrize(
    ("diarization", "different"),
    [(ONE_VOICE, False), (NO_SOUND, False), (NOISE, False), (TWO_VOICES, True), (SOMEBODY_ELSE, True)],
    ids=["one voice", "silence", "noise", "two voices", "somebody else"],
)
async def test_what_was_heard_is_answered(
    house: Watched, page: Page, diarization: Diarization, different: bool
) -> None:
    async with heard(house, diarization):
        answer = (await page.upload(frames(2000))).json()
    assert answer["different_voices_detected"] is different
    assert ("url" in answer) is different
    assert len(await page.reports()) == different
    clips = await page.rows("select clip from windows where meeting = :meeting")
    needless = await page.rows("select object from deletions where meeting = :meeting")
    innocent = diarization in (ONE_VOICE, NO_SOUND)
    assert [row["clip"] is None for row in clips] == [innocent], "innocent audio does not stay"
    assert len(needless) == innocent


async def test_an_analysis_that_fails_is_no_all_clear(house: Watched, page: Page) -> None:
    async with heard(house, "the engine broke"):
        status, code, detail = problem_of(await page.upload(frames(100)))
    assert (status, code) == (500, "analysis_failed")
    assert "the engine broke" in detail
    assert len(await page.rows("select from windows where meeting = :meeting and clip is not null")) == 1


async def test_who_was_reported_within_ten_minutes_is_so_once(house: Watched, page: Page) -> None:
    async with heard(house):
        first, second = [(await page.upload(MINUTE, "peer-1")).json()["url"] for _ in range(2)]
        other = (await page.upload(MINUTE, "peer-2")).json()["url"]
    assert second == "not uploaded"
    assert first.startswith("http")
    assert other.startswith("http")
    assert len(await page.reports()) == 2
    assert [row[2] for row in await page.reports()] == ["peer-2", "peer-1"], "the newest first"
    await page.rows("update anomalies set opened_at = opened_at - interval '11 minutes' where meeting = :meeting")
    async with heard(house):
        assert (await page.upload(MINUTE, "peer-1")).json()["url"].startswith("http")
    assert [row[2] for row in await page.reports()] == ["peer-1", "peer-2", "peer-1"]


async def test_a_list_s_links_are_new_each_time_and_leave_one_line_in_the_trail(house: Watched, page: Page) -> None:
    assert await page.reports() == []
    async with heard(house):
        await page.upload(MINUTE)
    [[*_, url, _]] = await page.reports()
    expires = re.search(r"expires=([0-9]+)", url)
    assert expires is not None
    assert 290 < int(expires[1]) - datetime.now(UTC).timestamp() <= 300
    trail = await page.rows("select who, action from audit where meeting = :meeting order by id")
    assert [row["action"] for row in trail] == ["clip_linked", "clips_linked"]
    assert trail[1]["who"] == "admin"


async def test_a_list_s_links_lead_through_us_where_each_play_is_seen(
    house: Watched, page: Page, tmp_path: Path
) -> None:
    class Linking(FolderClips):
        """As a bucket, which tells nobody who followed its links."""

        async def link(self, name: str, seconds: int) -> str | None:
            return f"https://bucket.example.org/{name}"

    evidence = replace(page.polling.evidence, clips=Linking(tmp_path))
    app = Starlette(routes=routes(replace(page.polling, evidence=evidence).entries()), exception_handlers=HANDLERS)
    async with heard(house):
        await page.upload(MINUTE)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://here") as http:
        answer = await http.post("/multiple_voices_list", json={"meeting_id": page.id, "admin_id": page.admin_id})
    [[*_, url, _]] = answer.json()
    assert url.startswith("http://here/meetings/")
    assert (await house.http.get(url.removeprefix("http://here"))).content == MINUTE
    [opened] = await page.rows("select clip from windows where meeting = :meeting")
    played = await page.rows("select who, subject from audit where meeting = :meeting and action = 'link_played'")
    assert [dict(row) for row in played] == [{"who": "admin", "subject": opened["clip"]}]


async def test_a_long_list_leaves_everybody_else_a_turn(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    await page.join()
    await page.rows(
        "insert into anomalies (meeting, anomaly, participant, kind, opened_at, last_at, count, summary, evidence)"
        " select meeting, 'a' || n, participant, 'multiple_voices', now(), now(), 1, '', '[{\"clip\": \"c\"}]'"
        " from participants, generate_series(1, 250) n where meeting = :meeting"
    )
    turns: list[None] = []

    async def counted() -> None:
        turns.append(None)
        await checkpoint()

    monkeypatch.setattr("undertone.web.polling.checkpoint", counted)
    assert len(await page.reports()) == 250
    assert len(turns) == 2


async def test_only_its_admin_is_one(page: Page) -> None:
    other = await Page(page.house).create()
    for meeting, admin_id in (
        (page.id, other.admin_id),
        (page.id, ""),
        (page.id, "undefined"),
        ("nobody", page.admin_id),
        ("no such", page.admin_id),
        ("\0", page.admin_id),
    ):
        assert (await page.ask("/is_admin", admin_id, meeting)).json() == {"admin": False}
        assert problem_of(await page.ask("/multiple_voices_list", admin_id, meeting))[:2] == (401, "unauthorized")
    assert (await page.post("/is_admin", {"admin_id": page.admin_id, "meeting_id": ""})).json() == {"admin": False}
    assert problem_of(await page.post("/is_admin", {"admin_id": 1}))[:2] == (400, "bad_message")


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (PAGE, True),
        ("http://127.0.0.1:5173", True),
        ("http://[::1]:8080", True),
        ("https://localhost", True),
        ("http://localhost.example.org", False),
        ("http://127.0.0.1.example.org", False),
        ("https://exams.example.org", False),
        ("null", False),
        ("http://[", False),
    ],
)
async def test_pages_on_this_machine_may_call(page: Page, origin: str, allowed: bool) -> None:
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
    answer = await page.house.http.options("/is_admin", headers={"Origin": origin, **preflight})
    assert (answer.headers.get("access-control-allow-origin") == origin) is allowed
    answer = await page.upload(b"", headers={"Origin": origin})  # which needs no leave
    assert answer.status_code == (400 if allowed else 403)


@pytest.mark.parametrize(
    ("configured", "loopback", "allowed"),
    [
        ((), True, {PAGE}),
        ((), False, set()),
        (("https://exams.example.org",), True, {"https://exams.example.org"}),
        (("https://exams.example.org", PAGE), False, {"https://exams.example.org", PAGE}),
    ],
)
def test_whose_pages_may_call(configured: tuple[str, ...], loopback: bool, allowed: set[str]) -> None:
    pattern = allowed_origins(configured, loopback)
    for origin in (PAGE, "https://exams.example.org", "https://examsXexample.org"):
        assert bool(re.fullmatch(pattern, origin)) is (origin in allowed)
    assert allowed_origins((), True) == LOOPBACK_ORIGINS
