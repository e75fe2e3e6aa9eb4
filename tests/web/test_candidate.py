"""A candidate's connection whose store fails: it tries again for a while, then lets go, whatever it still held."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.abc import TaskGroup

from tests.core.frames import FRAME_BYTES, WINDOW_FRAMES, frames
from undertone.core.errors import RemoteFault, Unavailable
from undertone.core.messages import StreamHello
from undertone.core.stream_actions import KeepGap, LeavePart, StoreWindow
from undertone.core.window import WindowClosed
from undertone.store.clips_folder import FolderClips
from undertone.store.clock import DatabaseClock
from undertone.store.database import Database
from undertone.store.presence import Presence
from undertone.store.stream_rows import AlreadyFinished, Opened, Owner
from undertone.store.streams import Streams
from undertone.web import candidate
from undertone.web.candidate import Connection

pytestmark = pytest.mark.anyio


class FullDisk(Streams):
    """Opens and releases as ever, and can write nothing."""

    async def put_clip(self, owner: Owner, window: WindowClosed) -> str:
        raise Unavailable("the clip store is away")

    async def put_part(self, owner: Owner, action: LeavePart) -> str:
        raise Unavailable("the clip store is away")


class SilentDisk(FullDisk):
    """Takes its time to fail."""

    attempts = 0

    async def put_clip(self, owner: Owner, window: WindowClosed) -> str:
        self.attempts += 1
        await anyio.sleep(0.3)
        return await super().put_clip(owner, window)


class LostAnswers(Streams):
    """Takes bytes, and writes rows only at the fourth attempt."""

    attempts = 0

    async def store_window(self, owner: Owner, action: StoreWindow, clip: str, part: str | None = None) -> None:
        self._fail()
        await super().store_window(owner, action, clip, part)

    async def leave_part(self, owner: Owner, action: LeavePart, name: str) -> None:
        self._fail()
        await super().leave_part(owner, action, name)

    def _fail(self) -> None:
        self.attempts += 1
        if self.attempts % 4:
            raise Unavailable("the database is away")


class Desk:
    """A node with one candidate."""

    max_speed = 0.0

    def __init__(self, streams: Streams, presence: Presence, tasks: TaskGroup) -> None:
        self.streams, self.presence, self.clock = streams, presence, DatabaseClock()
        self._tasks = tasks

    async def open(self, connection: Connection, hello: StreamHello) -> Opened | AlreadyFinished:
        return await self.streams.open("m", "p", hello.stream, self.clock.now_ms() + 3_600_000)

    async def refresh(self, owner: Owner, token: str) -> int:
        return self.clock.now_ms() + 3_600_000

    def spawn(self, task: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        self._tasks.start_soon(task, *args)


class Line:
    """The socket, as the connection sees it: what is said comes from a list, then the line is gone."""

    address = "here"
    on_stop: Callable[[RemoteFault], None] | None = None

    def __init__(self, *messages: str | bytes) -> None:
        self.messages: list[str | bytes] = list(messages)
        self.said: list[str] = []
        self.accepted = time.monotonic()

    async def receive(self) -> str | bytes | None:
        while not self.said:
            await anyio.sleep(0.01)
        return self.messages.pop(0) if self.messages else None

    async def send(self, text: str) -> None:
        self.said.append(text)

    async def answers(self, within_s: float) -> bool:
        return True


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    await database.connect()
    await database.execute(
        "insert into meetings (meeting, title, admin_hash, join_hash, epoch) values ('m', 'Algebra', '', '', 'e')"
    )
    await database.execute("insert into participants (meeting, participant, name) values ('m', 'p', 'Ada')")
    yield database
    await database.close()


@pytest.mark.parametrize("last", [None, '{"type":"finish"}'])
async def test_what_can_not_be_written_holds_nothing_up(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str | None
) -> None:
    monkeypatch.setattr(candidate, "PATIENCE_S", 0.0)
    await speak(database, FullDisk(database, FolderClips(tmp_path), lambda _: None, "here"), *([last] if last else []))
    row = await database.fetch_one("select node from participants")
    assert row is not None
    assert row["node"] is None


async def test_patience_counts_the_time_that_a_silent_store_takes(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate, "PATIENCE_S", 0.5)
    monkeypatch.setattr(candidate, "RETRY_FIRST_S", 0.001)
    streams = SilentDisk(database, FolderClips(tmp_path), lambda _: None, "here")
    await speak(database, streams)
    assert streams.attempts <= 3


async def test_bytes_are_put_once_however_often_their_row_is_tried(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate, "RETRY_FIRST_S", 0.001)
    streams = LostAnswers(database, FolderClips(tmp_path), lambda _: None, "here")
    await speak(database, streams)
    assert streams.attempts == 8
    assert len(await database.fetch_all("select 1 from windows")) == 1
    assert len(await database.fetch_all("select 1 from parts")) == 1
    assert sorted(path.suffix for path in tmp_path.rglob("*") if path.is_file()) == [".mp3", ".part"]


async def speak(database: Database, streams: Streams, *last: str) -> None:
    """A window and a little more; then the line is gone, and everything is kept that can be."""
    sound = frames(WINDOW_FRAMES + 50)
    pieces = [sound[at : at + 60_000] for at in range(0, len(sound), 60_000)]
    line = Line(*pieces, *last)
    async with anyio.create_task_group() as tasks:
        desk = Desk(streams, Presence(database, lambda _: None, "here"), tasks)
        connection = Connection(desk, line)  # type: ignore[arg-type]
        with suppress(Unavailable):  # told, if the line was still there
            await connection.converse('{"type":"hello","token":"t"}')
        with anyio.fail_after(5):
            await connection.kept.wait()


class LastingLine(Line):
    """It is there until nothing is left to be written."""

    kept: anyio.Event

    async def receive(self) -> str | bytes | None:
        message = await super().receive()
        if message is None:
            await self.kept.wait()
        return message


class ForgetfulOfGaps(Streams):
    """Can write everything but a gap of its own."""

    async def keep_gap(self, owner: Owner, action: KeepGap) -> None:
        raise Unavailable("the database is away")


async def test_a_gap_that_was_not_told_is_not_passed_over_by_a_part(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candidate, "PATIENCE_S", 0.0)
    # The first gap closes the window and is stored with it; the second, at the same byte, stands alone.
    line = LastingLine(
        frames(50),
        f'{{"type":"gap","offset":{50 * FRAME_BYTES},"lost_ms":1000}}',
        f'{{"type":"gap","offset":{50 * FRAME_BYTES},"lost_ms":3000}}',
    )
    streams = ForgetfulOfGaps(database, FolderClips(tmp_path), lambda _: None, "here")
    async with anyio.create_task_group() as tasks:
        desk = Desk(streams, Presence(database, lambda _: None, "here"), tasks)
        connection = Connection(desk, line)  # type: ignore[arg-type]
        line.kept = connection.kept
        with suppress(Unavailable):  # told, if the line was still there
            await connection.converse('{"type":"hello","token":"t"}')
        with anyio.fail_after(5):
            await connection.kept.wait()
    row = await database.fetch_one("select lost_ms, next_window from streams")
    assert row is not None
    assert (row["next_window"], row["lost_ms"]) == (1, 1000)  # so that the sender says the second again
