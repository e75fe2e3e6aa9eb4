"""Waiting for the verdict on an upload: whoever is sent away is told whether it is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import anyio
import httpx
import pytest

from tests.core.frames import frames
from tests.store.exam import ONE_VOICE, TWO_VOICES
from tests.web.here import hear
from tests.web.polling.page import Page, address, heard
from tests.web.room import problem_of
from tests.web.watched import Watched, watched
from undertone.core.channel_actions import Send
from undertone.store.uploads import Kept
from undertone.web.verdicts import Waiter

pytestmark = pytest.mark.anyio

SOUND: Final = frames(100)


async def test_a_verdict_that_is_late_still_comes(house: Watched, page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.polling.verdicts, "within_s", 0.2)
    answer = await page.upload(SOUND)
    status, code, detail = problem_of(answer)
    assert (status, code, answer.headers["retry-after"]) == (503, "verdict_pending", "30")
    assert "the verdict still comes" in detail
    assert await page.reports() == []
    async with house.watching(meeting=page.id, admin_id=page.admin_id) as (proctor, _), heard(house, TWO_VOICES):
        while (await hear(proctor))["kind"] != "anomaly_opened":
            pass
    assert len(await page.reports()) == 1


async def test_a_meeting_that_is_deleted_meanwhile_is_not_waited_for(page: Page) -> None:
    answers: list[httpx.Response] = []

    async def upload() -> None:
        answers.append(await page.upload(SOUND))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        while not await page.rows("select from windows where meeting = :meeting"):
            await anyio.sleep(0.01)
        headers = {"Authorization": f"Bearer {page.admin_id}"}
        assert (await page.house.http.delete(f"/meetings/{page.id}", headers=headers)).status_code == 204
    assert problem_of(answers[0])[:2] == (404, "not_found")


async def test_a_meeting_that_can_be_followed_no_longer_is_no_reason_to_send_again(house: Watched, page: Page) -> None:
    answers: list[httpx.Response] = []

    async def upload() -> None:
        answers.append(await page.upload(SOUND))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(upload)
        while not answers:
            await page.rows("update meetings set epoch = epoch || 'x' where meeting = :meeting")
            house.notifier.moved(page.id)
            await anyio.sleep(0.05)
    status, code, detail = problem_of(answers[0])
    assert (status, code, answers[0].headers["retry-after"]) == (503, "verdict_pending", "30")
    assert "is stored" in detail
    assert len(await page.rows("select from windows where meeting = :meeting")) == 1


async def test_who_would_wait_behind_too_many_is_told_before_the_body(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page.polling.verdicts, "max_places", 0)
    async with await anyio.connect_tcp(*address(page.house)) as line:
        head = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n"
        await line.send(f"POST /multiple_voices HTTP/1.1\r\nHost: here\r\n{head}\r\n".encode())
        with anyio.fail_after(5):
            said = await line.receive()
    assert b" 503 " in said
    assert b"too many uploads wait" in said
    monkeypatch.setattr(page.polling.verdicts, "max_places", 1)
    async with heard(page.house, ONE_VOICE):
        for _ in range(2):  # a place is given back
            assert (await page.upload(SOUND)).status_code == 200


def test_a_waiter_reads_nothing_of_others() -> None:
    waiter = Waiter(Kept("m", "ann", stream=1, windows=1, event=1))
    waiter.deliver([Send('"window_judged" of bob: what is not even looked into needs to be no JSON')])
    others = '{"kind":"window_judged","participant":{"id":"bob","name":"ann"},"stream":1}'
    waiter.deliver([Send(others), Send(others.replace('"bob"', '"ann"').replace(":1}", ":2}"))])
    assert not waiter.rung.is_set()
    waiter.deliver([Send(others.replace('"bob"', '"ann"'))])
    assert waiter.rung.is_set()


async def test_a_node_that_goes_says_so_to_who_waits(database_url: str, tmp_path: Path) -> None:
    answers: list[httpx.Response] = []
    async with watched(database_url, tmp_path, polling_api=True) as house:
        page = await Page(house).create()

        async def upload() -> None:
            answers.append(await page.upload(SOUND))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(upload)
            while not await page.rows("select from windows where meeting = :meeting"):
                await anyio.sleep(0.01)
            await house.node.drain()
        answers.append(await page.upload(SOUND))
        assert len(await page.rows("select from windows where meeting = :meeting")) == 1
    (_, waited, _), (_, came, told) = [problem_of(answer) for answer in answers]
    assert (waited, came) == ("verdict_pending", "draining"), "who waited must not send it again, who came late must"
    assert [answer.headers["retry-after"] for answer in answers] == ["30", "5"]
    assert "nothing was taken" in told
