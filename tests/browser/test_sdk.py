"""The browser's SDK, in Node: against a real server that is killed under it, and beside the Python it agrees with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import undertone_client
from tests.audio import decode
from tests.browser.node import lines, node
from tests.end_to_end.audit import Piece, Received, Sent, audit
from tests.serving import running_server
from undertone.core.events import decode_event
from undertone.core.mp3 import FrameParser

SAMPLES = Path(undertone_client.__file__).parent / "samples"
SPOKEN_IN_S = 4
FRAME_BYTES = 192  # of the samples: 24 ms


@pytest.mark.anyio
@pytest.mark.slow
async def test_an_exam_through_the_sdk_outlives_the_server(database_url: str, tmp_path: Path) -> None:
    recording = tmp_path / "recording.mp3"
    sample = (SAMPLES / "two-voices.mp3").read_bytes()
    recording.write_bytes(sample + sample[: 600 * FRAME_BYTES])  # a window, and one of 14 s
    with running_server(tmp_path, database_url=database_url, workers=1, env={"UNDERTONE_MAX_SPEED": "0"}) as server:
        process = node("test/play/exam.ts", server.url, str(recording), str(SPOKEN_IN_S))
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline()) == {"stored": 0}
            server.kill()
            server.start()
            *stored, told = lines(process)
        finally:
            process.kill()
        over = told["over"]
        assert over["connections"] >= 2
        assert [line["stored"] for line in stored] == list(range(1, over["finished"][1]))
        sent = Sent(
            over["meeting"],
            over["participant"],
            over["stream"],
            (Piece(recording.read_bytes()),),
            acknowledged=over["acknowledged"],
            finished=(over["finished"][0], over["finished"][1]),
        )
        received = []
        for number, proctor in enumerate(over["proctors"]):
            (snapshot,) = proctor["snapshots"]
            events = [decode_event(json.dumps(event)) for event in proctor["events"]]
            received.append(Received(over["meeting"], str(number), snapshot, events))
        assert not await audit(database_url, tmp_path, [sent], received, meeting=over["meeting"])
    assert over["finished"][0] == recording.stat().st_size
    assert (over["reviewed"]["state"], over["reviewed"]["review"]["by"]) == ("confirmed", "Eve")
    assert received[1].events[-1].kind == "anomaly_reviewed"


@pytest.mark.parametrize("sample", ["one-voice", "two-voices"])
def test_both_parsers_find_the_same_frames(sample: str) -> None:
    path = SAMPLES / f"{sample}.mp3"
    data = path.read_bytes()
    ends = [end for run in FrameParser().feed(data) for end in run[1:]]
    assert len(ends) * 1152 == pytest.approx(decode(data).shape[1], abs=2 * 1152)
    for cut in (len(data), 417, 1000):
        (found,) = lines(node("test/play/frames.ts", str(path), str(cut)))
        assert found["ends"] == ends
