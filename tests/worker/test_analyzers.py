"""Real analyzer processes, and everything an engine can do to one."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from pathlib import Path

import anyio
import psutil
import pytest

from tests.worker.engines import LOADER
from undertone.core.verdict import Diarization
from undertone.diarize.base import Clip
from undertone.worker.analyzers import Analyzers
from undertone.worker.ears import AnalysisFailed, EngineUnusable

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The processes find the engine where we do."""
    monkeypatch.syspath_prepend(ROOT)


def analyzers(count: int = 1, deadline_s: float = 30.0) -> Analyzers:
    return Analyzers("obedient", count, deadline_s=deadline_s, loader=LOADER)


def clip(command: str, padding: int = 0) -> Clip:
    return Clip(f"{command}|".encode() + bytes(padding), 2_304, 2_880_000, 48_000)


async def heard(command: str, using: Analyzers | None = None, profile: bytes | None = None) -> Diarization:
    return await (using or analyzers()).analyse(clip(command), profile)


async def reason(command: str, using: Analyzers | None = None) -> str:
    with pytest.raises(AnalysisFailed) as failed:
        await heard(command, using)
    return failed.value.reason


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE}


async def test_a_clip_alone_gets_the_cores_that_have_nothing_to_do() -> None:
    using = analyzers(3)
    used: list[int] = []

    async def threads(for_s: float) -> None:
        heard = await using.analyse(clip(f"threads {for_s}"), None)
        used.append(heard.turns[0].end_ms // 1000)

    await threads(0)
    assert used == [3]
    async with anyio.create_task_group() as tasks:
        for _ in range(3):
            tasks.start_soon(threads, 0.2)
    assert sorted(used[1:])[:2] == [1, 1]  # the first of them may have begun alone


async def test_what_an_engine_hears_comes_back_whole() -> None:
    diarization = await heard("two", profile=b"before")
    assert [(turn.start_ms, turn.end_ms, turn.speaker) for turn in diarization.turns] == [
        (0, 30_000, 0),
        (32_000, 36_000, 1),
    ]
    assert (diarization.engine, diarization.probabilities, diarization.second_voice) == ("obedient", {1: 0.87}, 0.87)
    assert diarization.profile == b"before+"


async def test_a_process_is_used_again_and_set_up_for_its_work() -> None:
    first, second = await heard("settings"), await heard("settings")
    assert first == second
    told = first.unclear
    assert told is not None
    assert told.startswith("{'1'} nice ")
    assert " nice 0 " not in told
    assert told.endswith("onnx False")


async def test_a_process_that_died_idle_costs_no_clip() -> None:
    await heard("two")
    idle = [child for child in psutil.Process().children() if "anyio.to_process" in child.cmdline()]
    assert idle
    for child in idle:
        child.kill()
        with contextlib.suppress(psutil.NoSuchProcess):
            while child.status() != psutil.STATUS_ZOMBIE:  # the loop must not see it before it asks
                time.sleep(0.01)
    assert (await heard("two", analyzers(len(idle)))).second_voice == 0.87


@pytest.mark.slow
async def test_analyzers_work_side_by_side(tmp_path: Path) -> None:
    using = analyzers(2)
    left, right = tmp_path / "left", tmp_path / "right"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard, f"meet {left} {right}", using)
        tasks.start_soon(heard, f"meet {right} {left}", using)


@pytest.mark.slow
async def test_there_are_no_more_of_them_than_asked_for(tmp_path: Path) -> None:
    using = analyzers(1)
    left, right = tmp_path / "left", tmp_path / "right"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(heard, f"meet {left} {right}", using)
        while not left.exists():
            await anyio.sleep(0.01)
        tasks.start_soon(heard, f"meet {right} {left}", using)
        await anyio.sleep(1.0)
        assert not right.exists()
        right.touch()


async def test_a_clip_of_a_whole_minute_at_the_highest_rate_fits_through() -> None:
    using = analyzers()
    assert (await using.analyse(clip("one", 320_000 // 8 * 60), None)).engine == "obedient"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["slow 60", "busy 60"])
async def test_the_deadline_kills(command: str) -> None:
    await heard("one")
    before = children()
    started = time.monotonic()
    assert await reason(command, analyzers(deadline_s=1.0)) == "no answer from the analyzer within 1 s"
    assert time.monotonic() - started < 10
    assert before - children(), "the process lives on"
    assert (await heard("one")).engine == "obedient"


@pytest.mark.slow
async def test_a_cancelled_analysis_is_killed_too() -> None:
    await heard("one")
    before = children()
    with anyio.move_on_after(0.3):
        await heard("busy 60")
    assert before - children()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["segfault", "killed", "leave 0", "leave 3"])
async def test_a_process_that_dies_is_a_failure_and_the_next_clip_gets_another(command: str) -> None:
    assert await reason(command) == "the analyzer process died"
    assert (await heard("one")).engine == "obedient"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("undecodable", "no frame could be decoded"),
        ("unpicklable", "KeywordOnly: ab?"),
        ("system_exit", "SystemExit: enough"),
        ("hungry", "OSError: [Errno 12] Cannot allocate memory"),
    ],
)
async def test_what_an_engine_raises_is_the_reason(command: str, why: str) -> None:
    assert await reason(command) == why
    assert (await heard("one")).engine == "obedient"


@pytest.mark.parametrize("command", ["nonsense", "improbable nan", "improbable 1.5", "improbable -1", "endless"])
async def test_an_answer_that_makes_no_sense_is_a_failure(command: str) -> None:
    assert (await reason(command)).startswith("the engine's answer makes no sense: ")


async def test_an_unknown_engine_is_named() -> None:
    unknown = Analyzers("other", 1, loader=LOADER)
    assert await reason("one", unknown) == "ValueError: unknown engine 'other'"


@pytest.mark.slow
async def test_warm_analyzers_have_their_engine_loaded() -> None:
    using = analyzers(2)
    before = children()
    await using.warm()
    assert len(children()) >= 2
    processes = children()
    await heard("one", using)
    assert children() == processes
    assert len(processes - before) <= 2


async def test_an_engine_that_cannot_be_loaded_is_said_before_any_clip_is_blamed() -> None:
    with pytest.raises(ExceptionGroup) as raised:
        await Analyzers("other", 1, loader=LOADER).warm()
    assert raised.group_contains(EngineUnusable, match="the engine 'other' can't be used: ValueError: unknown engine")


async def test_messages_come_back_and_disturb_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        assert (await heard("loud")).engine == "obedient"
    assert caplog.messages[-1].endswith("the model is old")
    assert len(caplog.messages[-1]) < 5_000


@pytest.mark.slow
async def test_a_crash_tells_where_it_happened(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await reason("segfault")
    assert "Segmentation fault" in caplog.text
    assert "in segfault" in caplog.text


@pytest.mark.slow
async def test_a_hanging_engine_tells_where_it_hangs(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await heard("one")
        await reason("slow 60", analyzers(deadline_s=2.0))
    assert "in slow" in caplog.text


@pytest.mark.slow
async def test_no_messages_are_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    await heard("loud")
    await reason("segfault")
    assert list(tmp_path.iterdir()) == []


async def test_no_room_for_messages_is_no_reason_not_to_listen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/1/nowhere")
    assert (await heard("loud")).engine == "obedient"
    assert Path(os.devnull).is_char_device()
