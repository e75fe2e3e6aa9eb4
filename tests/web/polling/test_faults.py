"""What can go wrong with an upload: each is told by name, leaves nothing behind, and disturbs nobody."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import anyio
import httpx
import pytest

from tests.core.frames import WINDOW_FRAMES, frames, other_format
from tests.store.exam import ONE_VOICE, TWO_VOICES
from tests.web.here import dial, hear
from tests.web.polling.page import PAGE, Page, address, heard
from tests.web.room import API_KEY, problem_of
from tests.web.watched import Watched, watched
from undertone.core.messages import Finish, StreamHello, encode
from undertone.core.uploads import MAX_UPLOAD_BYTES, UploadCutter
from undertone.web.polling import OPEN, TAKES_KEY

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SOUND: Final = frames(100)
WEBM: Final = b"\x1a\x45\xdf\xa3" + bytes(5000)


def form(page: Page, file: bytes | None = SOUND, **fields: str | None) -> dict[str, Any]:
    """What httpx sends: the page's form but for what is said; None leaves a field out."""
    said = {"meeting_id": page.id, "participant_id": "peer-1", "participant_name": "new user", **fields}
    files = {"file": ("audio.mp3", file)} if file is not None else {"other": ("audio.mp3", SOUND)}
    return {"data": {name: text for name, text in said.items() if text is not None}, "files": files}


FAULTS: Final[dict[str, tuple[Callable[[Page], dict[str, Any]], tuple[int, str, str]]]] = {
    "an empty file": (lambda page: form(page, b""), (400, "bad_audio", "it is empty")),
    "a text file": (lambda page: form(page, b"Dear proctor,\n" * 9), (400, "bad_audio", "an MP3 file is needed")),
    "a WebM file": (lambda page: form(page, WEBM), (400, "bad_audio", "looks like a WebM")),
    "rubbish behind the sound": (
        lambda page: form(page, SOUND + bytes(100_000)),
        (400, "bad_audio", "MP3 frame headers"),
    ),
    "two files in one": (lambda page: form(page, SOUND + other_format(9)), (400, "format_changed", "44100 Hz")),
    "too long a file": (lambda page: form(page, frames(16 * WINDOW_FRAMES)), (400, "bad_message", "15 minutes")),
    "no file": (lambda page: form(page, None), (400, "bad_message", "the form has no file")),
    "a file that is none": (
        lambda page: {"data": {**form(page)["data"], "file": "audio"}, "files": {"x": b"x"}},
        (400, "bad_message", "the form has no file"),
    ),
    "two files": (
        lambda page: {**form(page), "files": [("file", SOUND), ("file", SOUND)]},
        (400, "bad_message", "Too many files"),
    ),
    "no participant": (lambda page: form(page, participant_id=None), (400, "bad_message", "participant_id")),
    "an empty participant": (lambda page: form(page, participant_id=""), (400, "bad_message", "participant_id")),
    "a NUL in a name": (lambda page: form(page, participant_name="nul\0"), (400, "bad_message", "participant_name")),
    "a name without end": (lambda page: form(page, participant_name="x" * 5000), (400, "bad_message", "maximum size")),
    "no meeting": (lambda page: form(page, meeting_id=None), (400, "bad_message", "meeting_id")),
    "an unknown meeting": (lambda page: form(page, meeting_id="nobody"), (404, "not_found", "no such meeting")),
    "an ill-formed meeting": (lambda page: form(page, meeting_id="no such"), (404, "not_found", "meeting ids")),
    "JSON": (lambda page: {"json": {"meeting_id": page.id}}, (415, "unsupported_media_type", "send a form")),
    "no form at all": (lambda _: {"content": SOUND}, (415, "unsupported_media_type", "send a form")),
    "a form without a boundary": (
        lambda _: {"content": SOUND, "headers": {"Content-Type": "multipart/form-data"}},
        (400, "bad_message", "boundary"),
    ),
    "a form cut off": (
        lambda _: {
            "content": b"--x\r\nContent-Disposition: form-data; name=",
            "headers": {"Content-Type": "multipart/form-data; boundary=x"},
        },
        (400, "bad_message", "the form"),
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_bad_upload_is_told_what_is_right_and_leaves_nothing(page: Page, fault: str) -> None:
    sent, (status, code, says) = FAULTS[fault]
    told = problem_of(await page.house.http.post("/multiple_voices", **sent(page)))
    assert told[:2] == (status, code), told
    assert says in told[2]
    assert page.polling.reception.held_bytes == 0
    assert await page.rows("select from participants where meeting = :meeting") == []
    assert await page.events() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),  # no browser
        ({"Content-Type": "application/json", "Origin": PAGE}, 201),
        ({"Content-Type": "application/vnd.api+json", "Origin": PAGE}, 201),  # after asking, as every other type
        ({"Origin": PAGE}, 415),
        ({"Content-Type": "", "Origin": PAGE}, 415),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "Text/Plain; charset=utf-8"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ],
)
async def test_json_without_a_credential_is_refused_where_a_foreign_page_could_have_sent_it(
    page: Page, headers: dict[str, str], status: int
) -> None:
    path = f"/meetings/{page.id}/participants"
    answer = await page.house.http.post(path, content=b'{"name": "Ada"}', headers=headers)
    assert answer.status_code == status
    if status == 415:
        assert problem_of(answer)[1] == "unsupported_media_type"


async def test_who_was_revoked_uploads_nothing(house: Watched, page: Page) -> None:
    async with heard(house, ONE_VOICE):
        await page.upload(SOUND)
    await page.rows("update participants set revoked_at = now() where meeting = :meeting")
    assert problem_of(await page.upload(SOUND))[:2] == (403, "revoked")
    assert len(await page.rows("select from windows where meeting = :meeting")) == 1


async def test_a_body_that_says_it_is_too_large_is_not_read(page: Page) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(MAX_UPLOAD_BYTES * 2)}
    async with await anyio.connect_tcp(*address(page.house)) as line:
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        await line.send(f"POST /multiple_voices HTTP/1.1\r\nHost: here\r\n{head}\r\n".encode())
        with anyio.fail_after(5):
            assert b" 413 " in await line.receive()


async def test_a_body_that_does_not_say_so_is_read_up_to_there(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.polling.reception, "max_bytes", 100_000)
    request = httpx.Request("POST", "http://here", **form(page, frames(2000)))
    whole = await request.aread()

    async def pieces() -> AsyncIterator[bytes]:
        for at in range(0, len(whole), 10_000):
            yield whole[at : at + 10_000]

    headers = {"Content-Type": request.headers["content-type"]}
    told = problem_of(await page.house.http.post("/multiple_voices", content=pieces(), headers=headers))
    assert told[:2] == (413, "too_large")
    assert page.polling.reception.held_bytes == 0


async def test_all_bodies_together_are_bounded(house: Watched, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.polling.reception, "max_held_bytes", 100_000)
    answer = await page.upload(frames(2000))
    assert problem_of(answer)[:2] == (503, "overloaded")
    assert int(answer.headers["retry-after"]) > 0
    async with heard(house, ONE_VOICE):
        assert (await page.upload(SOUND)).status_code == 200


async def test_nobody_waits_for_ever_for_a_turn(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    reception = page.polling.reception
    monkeypatch.setattr(reception, "turn_within_s", 0.1)
    async with AsyncExitStack() as turns:
        # Half of the six connections that candidates have by default.
        for _ in range(3):
            await turns.enter_async_context(reception.turn())
        assert problem_of(await page.upload(SOUND))[:2] == (503, "overloaded")
    async with heard(page.house, ONE_VOICE):
        assert (await page.upload(SOUND)).status_code == 200


async def test_who_dribbles_is_let_go(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.polling.reception, "within_s", 0.2)
    async with await anyio.connect_tcp(*address(page.house)) as line:
        head = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n"
        await line.send(f"POST /multiple_voices HTTP/1.1\r\nHost: here\r\n{head}\r\n--x".encode())
        with anyio.fail_after(5):
            assert b" 408 " in await line.receive()
    assert page.polling.reception.held_bytes == 0


async def test_nobody_stands_still_while_an_upload_is_searched(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between pieces everybody gets a turn; a piece of headers without frames takes as long as any can."""
    pieces: list[int] = []

    class Watching(UploadCutter):
        def feed(self, data: bytes) -> None:
            pieces.append(len(data))
            super().feed(data)

    monkeypatch.setattr("undertone.web.uploads.UploadCutter", Watching)
    assert problem_of(await page.upload(b"\xff\xfb\x90\x00" * 17_000))[:2] == (400, "bad_audio")
    assert max(pieces) <= 4096
    assert sum(pieces) >= 60_000


async def test_a_page_without_an_origin_of_its_own_is_not_ours(page: Page) -> None:
    """A sandboxed frame says `null`; a call without a Host must not pass for one of the same."""
    async with await anyio.connect_tcp(*address(page.house)) as line:
        head = "Host:\r\nOrigin: null\r\nContent-Length: 0\r\n"
        await line.send(f"POST /multiple_voices HTTP/1.1\r\n{head}\r\n".encode())
        with anyio.fail_after(5):
            assert b" 403 " in await line.receive()


async def test_uploads_at_once_of_one_and_of_many(house: Watched, page: Page) -> None:
    """One participant's are heard in their order; a participant whom two uploads bring is one."""
    whose = ["peer-0"] * 6 + [f"peer-{number}" for number in range(1, 7)]
    answers: list[httpx.Response] = []

    async def upload(number: int) -> None:
        answers.append(await page.upload(frames(100, first=number * 100), whose[number]))

    async with heard(house, TWO_VOICES), anyio.create_task_group() as tasks:
        for number in range(len(whose)):
            tasks.start_soon(upload, number)
    assert [answer.status_code for answer in answers] == [200] * len(whose), [answer.text for answer in answers]
    linked = [answer.json()["id"] for answer in answers if answer.json()["url"] != "not uploaded"]
    assert sorted(linked) == sorted(set(whose)), "each is reported once"
    query = "select participant, streams, anomalies from participants where meeting = :meeting order by streams desc"
    assert [(row["streams"], row["anomalies"]) for row in await page.rows(query)] == [(6, 1)] + [(1, 1)] * 6
    judged = [event for event in await page.events() if event["kind"] == "window_judged"]
    assert len(judged) == len(whose)
    first = next(row["participant"] for row in await page.rows(query))
    assert [each["stream"] for each in judged if each["participant"]["id"] == first] == [1, 2, 3, 4, 5, 6]


async def test_who_streams_at_this_moment_is_not_interrupted(house: Watched, page: Page) -> None:
    live, other = [(await page.join()).json()["data"] for _ in range(2)]
    async with dial(house.url + "/stream") as line, heard(house, ONE_VOICE):
        await line.send(encode(StreamHello(token=live["token"])))
        assert (await hear(line))["type"] == "ready"
        await line.send(frames(100))
        status, code, detail = problem_of(await page.upload(SOUND, live["id"]))
        assert (status, code) == (409, "conflict")
        assert "streams over the socket" in detail
        assert (await page.upload(SOUND, other["id"])).status_code == 200
        await line.send(frames(100, first=100))
        await line.send(encode(Finish()))
        said = [await hear(line) for _ in range(2)]
    assert said == [
        {"type": "stored", "offset": said[0]["offset"], "window": 0},
        {"type": "finished", "offset": len(frames(200)), "windows": 1},
    ]
    told = [
        (event["kind"], event["stream"])
        for event in await page.events()
        if event["participant"]["id"] == live["id"] and event["kind"].startswith("candidate_") and "stream" in event
    ]
    assert told == [("candidate_streaming", 1), ("candidate_finished", 1)]


async def test_where_there_is_an_api_key_it_still_creates(
    database_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "undertone"):
        async with watched(database_url, tmp_path, polling_api=True, api_key=API_KEY) as house:
            page = Page(house)
            assert problem_of(await page.post("/meetings", {"title": "Algebra"}))[:2] == (401, "unauthorized")
            page.id, page.admin_id = house.meeting, house.admin_id
            assert (await page.join()).status_code == 201
            assert (await page.ask("/is_admin")).json() == {"admin": True}
            async with heard(house, ONE_VOICE):
                assert (await page.upload(SOUND)).status_code == 200
    assert f"{OPEN}; {TAKES_KEY}" in caplog.messages


async def test_who_did_not_ask_for_these_routes_has_none(database_url: str, tmp_path: Path) -> None:
    async with watched(database_url, tmp_path) as house:
        assert house.node.polling is None
        page = Page(house)
        page.id, page.admin_id = house.meeting, house.admin_id
        for path in ("/is_admin", "/multiple_voices_list", "/multiple_voices", "/meetings/"):
            assert problem_of(await page.ask(path))[:2] == (404, "not_found")
        joining = await page.join()
        assert problem_of(joining)[:2] == (401, "unauthorized")
        assert "access-control-allow-origin" not in joining.headers
        joined = await page.post(
            f"/meetings/{page.id}/participants", {"name": "Ada"}, Authorization=f"Bearer {page.admin_id}"
        )
        assert set(joined.json()) == {"success", "data"}
        assert PAGE not in joined.headers.values()
