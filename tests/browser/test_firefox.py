"""The way of a candidate in Firefox: what differs there is the worklet, the worker's modules, the port between them."""

from __future__ import annotations

import json
from pathlib import Path

import anyio
import pytest

from tests.browser.firefox import Session, running_firefox, sound_server
from tests.browser.flow import Meeting, events
from tests.browser.sound import excusable_ms
from tests.commands import create
from tests.conftest import short_folder
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.firefox]

SPOKEN_S = 6


async def test_a_candidate_is_recorded_and_watched(server: Server, tmp_path: Path) -> None:
    made = create(server, "Algebra I")
    link = f"{server.url}/join/{made['id']}#{made['join_secret']}"
    meeting = Meeting(made["id"], made["admin_id"], link, f"{server.url}/watch/{made['id']}")
    # A socket's path is short, and PulseAudio takes a folder that is its own.
    with short_folder() as folder:
        async with sound_server(folder) as sound, running_firefox(tmp_path, sound) as firefox:
            await _the_whole_way(firefox, server, meeting)
    told = events(server, meeting)
    stored = sum(each["duration_ms"] for each in told if each["kind"] == "window_stored")
    missing = sum(each["lost_ms"] for each in told if each["kind"] == "audio_missing")  # a busy machine drops sound
    assert missing <= excusable_ms(SPOKEN_S * 1000)
    assert SPOKEN_S * 1000 - 500 < stored + missing < (SPOKEN_S + 4) * 1000


async def _the_whole_way(firefox: Session, server: Server, meeting: Meeting) -> None:
    exam = await firefox.tab()
    await exam.open(meeting.join_link)
    await exam.type("Your name", "Ada Lovelace")
    await exam.click("button", "Continue")
    await exam.click("button", "I agree")
    await exam.click("button", "Start the check")
    await exam.click("button", "Start the exam")
    await exam.find("span", "Recording")
    await anyio.sleep(SPOKEN_S)
    await exam.click("button", "Finish")
    await exam.click("button", "Yes, finish")
    await exam.find("h2, p", "The whole recording has arrived")

    watch = await firefox.tab()
    await watch.open(server.url)
    kept = {"id": meeting.id, "title": "Algebra I", "created_at": "2030-01-01T09:00:00.000Z"}
    kept |= {"admin_id": meeting.admin_id, "join_secret": meeting.join_link.partition("#")[2]}
    await watch.evaluate("kept => localStorage.setItem('undertone.meetings', kept)", json.dumps([kept]))
    await watch.open(meeting.watch_link)
    await watch.find(".row-state", "Finished")
    assert not firefox.said
