"""The sweeper on a real database and a real folder of clips."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from tests.standins.s3 import S3
from tests.store.buckets import bucket_clips
from tests.store.exam import ONE_VOICE, TWO_VOICES
from tests.worker.lab import Lab, open_lab
from undertone.core.errors import Unavailable
from undertone.store.clips import ClipStore, clip_object, part_object
from undertone.store.clips_folder import FolderClips
from undertone.store.meetings import Meetings
from undertone.store.sweeps import Sweeps
from undertone.store.windows import Windows
from undertone.worker.sweep import Kept, Sweeper

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def lab(database_url: str, tmp_path: Path) -> AsyncIterator[Lab]:
    async with open_lab(database_url, tmp_path) as lab:
        await lab.exam.candidate()
        yield lab


async def no_parts() -> int:
    return 0


def sweeper(lab: Lab, clips: ClipStore | None = None, sweeps: Sweeps | None = None) -> Sweeper:
    exam = lab.exam
    meetings = Meetings(exam.database, exam.moved.append)
    sweeps = sweeps or Sweeps(exam.database, exam.moved.append)
    return Sweeper(sweeps, clips or lab.clips, meetings, no_parts, Kept(meeting_days=30, event_days=90))


def objects(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def age(path: Path, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


async def test_clips_of_innocent_windows_go_and_evidence_stays(lab: Lab, tmp_path: Path) -> None:
    windows = Windows(lab.exam.database, lab.exam.moved.append)
    kept = []
    for number, heard in enumerate([ONE_VOICE, TWO_VOICES, ONE_VOICE]):
        name = await lab.window("", number)
        (claimed,) = await windows.claim("w", 1)
        await windows.judge(claimed, heard)
        kept += [name] if heard is TWO_VOICES else []
    assert await sweeper(lab).delete_objects() == 2
    assert objects(tmp_path) == set(kept)
    assert await lab.exam.value("select count(*) from deletions") == 0


async def test_an_object_that_is_gone_already_counts_as_deleted(lab: Lab) -> None:
    await lab.exam.sql("insert into deletions (meeting, object) values ('m', 'clips/m/never.mp3')")
    assert await sweeper(lab).delete_objects() == 1
    assert await lab.exam.value("select count(*) from deletions") == 0


async def test_more_deletions_than_fit_one_round_are_all_carried_out(lab: Lab) -> None:
    await lab.exam.sql(
        "insert into deletions (meeting, object) select 'm', 'clips/m/' || n || '.mp3' from generate_series(1, 1100) n"
    )
    assert await sweeper(lab).delete_objects() == 1100
    assert await lab.exam.value("select count(*) from deletions") == 0


class Stubborn(FolderClips):
    """A store that fails to delete some objects, as long as it likes."""

    stubborn = True

    async def delete(self, name: str) -> None:
        if self.stubborn and "b" in name.rpartition("/")[2]:
            raise Unavailable("the clip store is away: on purpose")
        await super().delete(name)


async def test_what_could_not_be_deleted_is_tried_again(
    lab: Lab, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("clips/m/a.mp3", "clips/m/b1.mp3", "clips/m/b2.mp3"):
        await lab.clips.put(name, b"x")
        await lab.exam.sql("insert into deletions (meeting, object) values ('m', :name)", name=name)
    clips = Stubborn(tmp_path)
    sweeping = sweeper(lab, clips)
    assert await sweeping.delete_objects() == 1
    assert objects(tmp_path) == {"clips/m/b1.mp3", "clips/m/b2.mp3"}
    assert [line for line in caplog.messages if "stay" in line] == [
        "2 objects stay for now, after up to 1 attempts: the clip store is away: on purpose"
    ]
    clips.stubborn = False
    assert await sweeping.delete_objects() == 0  # not yet
    await lab.exam.sql("update deletions set due_at = now()")
    assert await sweeping.delete_objects() == 2
    assert objects(tmp_path) == set()


async def test_one_object_that_stays_holds_up_no_other(lab: Lab, tmp_path: Path) -> None:
    await lab.exam.sql(
        "insert into deletions (meeting, object, due_at) values ('m', 'clips/m/b', now() - interval '1 h')"
    )
    await lab.exam.sql(
        "insert into deletions (meeting, object) select 'm', 'clips/m/' || n || '.mp3' from generate_series(1, 600) n"
    )
    assert await sweeper(lab, Stubborn(tmp_path)).delete_objects() == 600
    assert await lab.exam.value("select count(*) from deletions") == 1


async def test_objects_that_no_row_names_go_after_an_hour(lab: Lab, tmp_path: Path) -> None:
    named = await lab.window("", 0)
    old_clip, old_part = clip_object("m", "ada-1-9-0123456789abcdef"), part_object("m", "ada", 1)
    young, foreign = clip_object("m", "ada-1-8-0123456789abcdef"), "clips/notes.txt"
    for name in (old_clip, old_part, young, foreign):
        await lab.clips.put(name, b"x")
    for name in (named, old_clip, old_part, foreign):
        age(tmp_path / name, 1.1)
    age(tmp_path / young, 0.9)
    assert await sweeper(lab).delete_unnamed_objects() == 2
    assert objects(tmp_path) == {named, young, foreign}


async def test_objects_of_a_bucket_that_no_row_names_go(lab: Lab, s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = bucket_clips(s3, listed_at_a_time=3)
    named = await lab.window("", 0)
    strays = [clip_object("m", f"ada-1-{number}-0123456789abcdef") for number in range(8)]
    for name in (named, *strays, part_object("m", "ada", 1)):
        await clips.put(name, b"x")
    assert await sweeper(lab, clips).delete_unnamed_objects() == 0  # young
    monkeypatch.setattr("undertone.worker.sweep.UNNAMED_FOR", timedelta(seconds=-5))
    assert await sweeper(lab, clips).delete_unnamed_objects() == len(strays) + 1
    assert [found.object async for found in clips.list()] == [named]


async def test_a_meeting_that_expired_leaves_neither_row_nor_object(lab: Lab, tmp_path: Path) -> None:
    await lab.window("", 0)
    await lab.exam.candidate("bob", "other")
    other = await lab.window("", 0, "bob", "other")
    await lab.exam.sql("update meetings set ended_at = now() - interval '31 days' where meeting = 'm'")
    sweeping = sweeper(lab)
    await sweeping.delete_expired_meetings()
    await sweeping.delete_objects()
    assert objects(tmp_path) == {other}
    assert await lab.exam.value("select string_agg(distinct meeting, ',') from windows") == "other"


async def test_a_meeting_nobody_streams_in_ends_with_its_event(lab: Lab) -> None:
    await lab.exam.sql("update meetings set last_stream_at = now() - interval '25 hours'")
    sweeping = sweeper(lab)
    await sweeping.end_idle_meetings()
    await sweeping.end_idle_meetings()
    assert await lab.exam.kinds() == ["meeting_ended"]


async def test_sweepers_at_once_do_no_harm(lab: Lab, tmp_path: Path) -> None:
    for number in range(50):
        name = clip_object("m", f"stray-{number}")
        await lab.clips.put(name, b"x")
        age(tmp_path / name, 2)
        gone = clip_object("m", f"gone-{number}")
        await lab.clips.put(gone, b"x")
        await lab.exam.sql("insert into deletions (meeting, object) values ('m', :name)", name=gone)
    await lab.exam.sql("update meetings set last_stream_at = now() - interval '25 hours'")
    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            each = sweeper(lab, FolderClips(tmp_path))
            for chore in (each.delete_objects, each.delete_unnamed_objects, each.end_idle_meetings, each.trim_events):
                tasks.start_soon(chore)
    assert objects(tmp_path) == set()
    assert await lab.exam.kinds() == ["meeting_ended"]


class Rounds(Sweeps):
    """Counts the rounds of one chore, and fails the first."""

    rounds = 0

    async def lose_candidates(self) -> int:
        self.rounds += 1
        if self.rounds == 1:
            raise Unavailable("the database is away: on purpose")
        return await super().lose_candidates()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second takes a hundredth of one."""
    sleep = anyio.sleep
    monkeypatch.setattr("undertone.worker.sweep.anyio.sleep", lambda seconds: sleep(seconds / 100))


@pytest.mark.usefixtures("hurried")
async def test_every_chore_comes_round_and_what_is_away_is_tried_again(lab: Lab, tmp_path: Path) -> None:
    await lab.exam.sql("update participants set node = 'dead', seen_at = now()")
    name = await lab.window("", 0)
    windows = Windows(lab.exam.database, lab.exam.moved.append)
    (claimed,) = await windows.claim("w", 1)
    await windows.judge(claimed, ONE_VOICE)
    sweeps = Rounds(lab.exam.database, lab.exam.moved.append)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sweeper(lab, sweeps=sweeps).run)
        with anyio.fail_after(30):
            while "candidate_lost" not in await lab.exam.kinds() or (tmp_path / name).exists():
                await anyio.sleep(0.02)
        tasks.cancel_scope.cancel()
    assert sweeps.rounds >= 2


@pytest.mark.usefixtures("hurried")
async def test_a_bug_in_a_chore_is_loud(lab: Lab) -> None:
    async def broken() -> int:
        raise ZeroDivisionError

    sweeps = Sweeps(lab.exam.database, lab.exam.moved.append)
    meetings = Meetings(lab.exam.database, lab.exam.moved.append)
    sweeping = Sweeper(sweeps, lab.clips, meetings, broken, Kept(30, 90))
    with pytest.raises(ExceptionGroup) as raised:
        await sweeping.run()
    assert raised.group_contains(ZeroDivisionError)
