"""The proctor's sidebar in Firefox: what differs there is decoding, playing, and how pages are laid out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from tests.browser.firefox import running_firefox, sound_server
from tests.browser.proctor import room
from tests.conftest import short_folder
from tests.serving import Server

pytestmark = [pytest.mark.anyio, pytest.mark.slow, pytest.mark.firefox]

# Opens that anomaly and plays it for a second and a half.
LISTEN: Final = """async (anomaly) => {
  const later = ms => new Promise(done => setTimeout(done, ms));
  const inside = root => [...root.querySelectorAll("*")].flatMap(each =>
    each.localName === "undertone-sidebar" ? [each] : each.shadowRoot ? inside(each.shadowRoot) : []);
  const [sidebar] = inside(document);
  const { shadowRoot } = sidebar;
  shadowRoot.querySelector(`[data-anomaly="${anomaly}"]`).click();
  for (let tries = 0; tries < 100 && !shadowRoot.querySelector("svg.waveform"); tries += 1) await later(100);
  const player = shadowRoot.querySelector("ut-player");
  player.audio.muted = true; // so much may play without anybody's click
  player.toggle();
  const playing = () => player.audio.currentTime > 0 && !player.audio.paused;
  for (let tries = 0; tries < 100 && !playing(); tries += 1) await later(100);
  const began = player.audio.currentTime;
  await later(1500);
  const ended = player.audio.currentTime;
  player.toggle();
  return JSON.stringify({
    began, ended, fault: player.fault,
    lanes: shadowRoot.querySelectorAll(".lane").length,
    bars: shadowRoot.querySelectorAll("svg.waveform path").length,
  });
}"""


async def test_a_clip_is_seen_and_heard(server: Server, tmp_path: Path) -> None:
    # A socket's path is short, and PulseAudio takes a folder that is its own.
    with short_folder() as folder:
        async with (
            room(server, candidates=6, anomalies=8, minutes=20) as exam,
            sound_server(folder) as sound,
            running_firefox(tmp_path, sound) as firefox,
        ):
            anomaly = next(each for each in await exam.anomalies() if each["state"] == "open" and each["count"] == 1)
            [evidence] = anomaly["evidence"]
            second = min(start for start, _, speaker in evidence["turns"] if speaker == 1)
            second = (evidence["lead_in_ms"] + second) / 1000  # in the clip
            page = await firefox.tab()
            await page.open(server.url)
            await page.evaluate("kept => localStorage.setItem('undertone.meetings', kept)", json.dumps([exam.kept]))
            await page.open(f"{server.url}/watch/{exam.id}")
            await page.find(".row-state", "Streaming")
            heard = json.loads(await page.evaluate(LISTEN, anomaly["id"]))
            assert heard["fault"] is None
            assert heard["lanes"] == 2
            assert heard["bars"] >= 2, "the sound is drawn, in the colours of those who speak"
            assert second - 0.01 <= heard["began"] < second + 2
            assert heard["ended"] > heard["began"] + 1
            assert not firefox.said
