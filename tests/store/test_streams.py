"""One owner at a time, and nothing stored twice or not at all: streams in a real PostgreSQL and a real folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import orjson
import pytest

from tests.core.frames import FRAME_BYTES, FRAME_MS, WINDOW_BYTES, WINDOW_FRAMES, frames
from undertone.core.errors import MeetingEnded, NotFound, Revoked, TakenOver
from undertone.core.messages import Finish, Gap, Stored, StreamHello, StreamReady, encode
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import End, FinishStream, KeepGap, LeavePart, Open, ReportMissing, Send, StoreWindow
from undertone.store.clips import ClipStore, clip_object
from undertone.store.database import Database
from undertone.store.parts import Parts
from undertone.store.presence import Presence
from undertone.store.stream_rows import AlreadyFinished, Opened, Owner, millis
from undertone.store.streams import Streams

pytestmark = pytest.mark.anyio
HOUR_MS = 3_600_000


@dataclass
class House:
    """A node's store, and a meeting with one candidate."""

    database: Database
    clips: ClipStore
    moved: list[str] = field(default_factory=list)

    def streams(self, node: str = "node-a") -> Streams:
        return Streams(self.database, self.clips, self.moved.append, node)

    @property
    def parts(self) -> Parts:
        return Parts(self.database, self.clips, self.moved.append)

    async def rows(self, query: str) -> list[dict[str, object]]:
        return [dict(row) for row in await self.database.fetch_all(query)]

    async def events(self) -> list[tuple[str, dict[str, object]]]:
        rows = await self.database.fetch_all("select kind, body from events order by id")
        return [(row["kind"], orjson.loads(row["body"])) for row in rows]

    async def part_is_old(self) -> None:
        await self.database.execute("update parts set left_at = left_at - interval '61 seconds'")
        await self.database.execute("update participants set seen_at = seen_at - interval '61 seconds'")


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    database = Database(database_url)
    await database.connect()
    await database.execute(
        "insert into meetings (meeting, title, admin_hash, join_hash, epoch) values ('m', 'Algebra', '', '', 'e')"
    )
    await database.execute("insert into participants (meeting, participant, name) values ('m', 'p', 'Ada')")
    yield House(database, ClipStore(tmp_path))
    await database.close()


@dataclass
class Tab:
    """A candidate's connection to one node, its actions done one by one."""

    house: House
    streams: Streams
    stream: int | None = None
    said: list[object] = field(default_factory=list)
    owner: Owner | None = None
    ended: bool = False

    async def hello(self, buffered_from: int | None = None) -> Tab:
        self.now = await self._now()
        self.receiver = StreamReceiver(self.now, max_speed=0)
        hello = StreamHello(token="t", stream=self.stream, buffered_from=buffered_from)
        self.receiver.receive_text(encode(hello), self.now)
        await self.do()
        return self

    async def audio(self, data: bytes) -> Tab:
        for at in range(0, len(data), 60_000):
            self.receiver.receive_audio(data[at : at + 60_000], self.now)
            await self.do()
        return self

    async def text(self, message: Gap | Finish) -> Tab:
        self.receiver.receive_text(encode(message), self.now)
        await self.do()
        return self

    async def lost(self) -> Tab:
        self.receiver.lost()
        await self.do()
        return self

    async def do(self) -> None:
        while actions := self.receiver.actions():
            for action in actions:
                await self._do(action)

    async def _do(self, action: object) -> None:
        match action:
            case Open(hello):
                opened = await self.streams.open("m", "p", hello.stream, self.now + HOUR_MS)
                if isinstance(opened, AlreadyFinished):
                    self.receiver.already_finished(opened.total_bytes, opened.windows)
                else:
                    self.owner = opened.owner
                    self.receiver.opened(opened.opening, self.now)
            case Send(message):
                self.said.append(message)
            case StoreWindow():
                assert self.owner
                clip = await self.streams.put_clip(self.owner, action.window)
                await self.streams.store_window(self.owner, action, clip)
                self.receiver.window_stored()
            case ReportMissing():
                assert self.owner
                await self.streams.report_missing(self.owner, action)
            case KeepGap():
                assert self.owner
                await self.streams.keep_gap(self.owner, action)
            case FinishStream(total_bytes):
                assert self.owner
                self.receiver.stream_finished(await self.streams.finish(self.owner, total_bytes))
            case LeavePart():
                assert self.owner
                name = await self.streams.put_part(self.owner, action)
                await self.streams.leave_part(self.owner, action, name)
                self.receiver.part_left()
            case End():
                self.ended = True

    async def _now(self) -> int:
        row = await self.house.database.fetch_one("select clock_timestamp() as now")
        assert row
        return millis(row["now"])

    @property
    def ready(self) -> StreamReady:
        return next(message for message in self.said if isinstance(message, StreamReady))


async def stored_windows(house: House) -> list[tuple[int, int, int, int]]:
    rows = await house.database.fetch_all(
        "select stream, number, start_ms, duration_ms from windows order by stream, number"
    )
    return [(row["stream"], row["number"], row["start_ms"], row["duration_ms"]) for row in rows]


async def clip_bytes(house: House) -> list[bytes]:
    rows = await house.database.fetch_all("select clip from windows order by stream, number")
    return [await house.clips.get(f"clips/m/{row['clip']}.mp3") for row in rows]


async def test_a_recording_is_stored_window_by_window_and_told(house: House) -> None:
    tab = await Tab(house, house.streams()).hello()
    await tab.audio(frames(WINDOW_FRAMES + 100))
    await tab.text(Finish())
    assert await stored_windows(house) == [(1, 0, 0, 60_000), (1, 1, 60_000, 2400)]
    clips = await clip_bytes(house)
    assert clips[0] == frames(WINDOW_FRAMES)
    assert clips[1].endswith(frames(100, first=WINDOW_FRAMES))
    kinds = [kind for kind, _ in await house.events()]
    assert kinds == ["candidate_streaming", "window_stored", "window_stored", "candidate_finished"]
    assert await house.rows("select node, state from participants") == [{"node": None, "state": "finished"}]


async def test_a_finished_stream_answers_so_again(house: House) -> None:
    tab = await Tab(house, house.streams()).hello()
    await tab.audio(frames(10))
    await tab.text(Finish())
    again = await Tab(house, house.streams("node-b"), stream=1).hello()
    assert again.said == tab.said[-1:]
    assert again.ended


async def test_a_broken_line_goes_on_at_another_node_after_the_part(house: House) -> None:
    whole = frames(WINDOW_FRAMES + 10)
    tab = await Tab(house, house.streams("node-a")).hello()
    await tab.audio(whole[: 700 * FRAME_BYTES + 11])
    await tab.lost()
    for number, node in enumerate(["node-b", "node-a", "node-b"], 1):
        tab = await Tab(house, house.streams(node), stream=1).hello()
        assert tab.ready.offset == tab.ready.held == 700 * number * FRAME_BYTES
        if number < 3:
            await tab.audio(whole[tab.ready.offset : 700 * (number + 1) * FRAME_BYTES])
            await tab.lost()
    await tab.audio(whole[tab.ready.offset :])
    assert await clip_bytes(house) == [frames(WINDOW_FRAMES)]
    assert await house.rows("select * from parts") == []
    assert len(await house.rows("select * from deletions")) == 3  # each part when the next took its place


async def test_what_only_memory_held_is_asked_for_again(house: House) -> None:
    whole = frames(WINDOW_FRAMES + 500)
    killed = await Tab(house, house.streams()).hello()
    await killed.audio(whole)
    [stored] = [message for message in killed.said if isinstance(message, Stored)]
    tab = await Tab(house, house.streams("node-b"), stream=1).hello()
    assert tab.ready.offset == tab.ready.held == stored.offset
    await tab.audio(whole[stored.offset :])
    await tab.text(Finish())
    assert await stored_windows(house) == [(1, 0, 0, 60_000), (1, 1, 60_000, 500 * FRAME_MS)]


async def test_an_overtaken_owner_finds_out_at_its_next_write(house: House) -> None:
    older = await Tab(house, house.streams("node-a")).hello()
    await older.audio(frames(WINDOW_FRAMES))
    await Tab(house, house.streams("node-b"), stream=1).hello()
    with pytest.raises(TakenOver):
        await older.audio(frames(1))
    await older.lost()
    assert await stored_windows(house) == []
    assert await house.rows("select * from parts") == []
    assert await house.rows("select node from participants") == [{"node": "node-b"}]


async def test_a_stream_with_a_successor_cannot_be_resumed(house: House) -> None:
    await Tab(house, house.streams()).hello()
    second = await Tab(house, house.streams()).hello()
    assert second.ready.stream == 2
    with pytest.raises(TakenOver):
        await house.streams().open("m", "p", 1, 0)
    with pytest.raises(TakenOver):
        await house.streams().admit("m", "p", 1)


@pytest.mark.parametrize("stream", [2, 0, -1, 2**40])
async def test_a_stream_that_never_was_is_not_found(house: House, stream: int) -> None:
    await Tab(house, house.streams()).hello()
    with pytest.raises(NotFound):
        await house.streams().admit("m", "p", stream)


async def test_nobody_enters_who_is_unknown_or_revoked_or_late(house: House) -> None:
    await (await Tab(house, house.streams()).hello()).lost()
    with pytest.raises(NotFound):
        await house.streams().open("m", "somebody", None, 0)
    await house.database.execute("update meetings set ended_at = now() - interval '14 minutes'")
    with pytest.raises(MeetingEnded):
        await house.streams().open("m", "p", None, 0)
    assert isinstance(await house.streams().open("m", "p", 1, 0), Opened)  # what was recorded before may still come
    await house.database.execute("update meetings set ended_at = now() - interval '16 minutes'")
    with pytest.raises(MeetingEnded):
        await house.streams().open("m", "p", 1, 0)
    await house.database.execute("update participants set revoked_at = now()")
    with pytest.raises(Revoked):
        await house.streams().open("m", "p", None, 0)


async def test_a_window_said_twice_by_its_owner_is_stored_once(house: House) -> None:
    """The answer to a commit can get lost: the owner, which can't know, says it again."""
    tab = await Tab(house, house.streams()).hello()
    tab.receiver.receive_audio(frames(WINDOW_FRAMES + 1), tab.now)
    [action] = tab.receiver.actions()
    assert isinstance(action, StoreWindow)
    assert tab.owner
    clip = await tab.streams.put_clip(tab.owner, action.window)
    for again in (clip, clip, await tab.streams.put_clip(tab.owner, action.window)):
        await tab.streams.store_window(tab.owner, action, again)
    assert [each.object async for each in house.clips.list()] == [clip_object("m", clip)]
    assert await stored_windows(house) == [(1, 0, 0, 60_000)]
    assert [kind for kind, _ in await house.events()].count("window_stored") == 1
    for _ in range(2):
        await tab.streams.finish(tab.owner, 1234)
    assert [kind for kind, _ in await house.events()].count("candidate_finished") == 1


async def test_a_part_said_twice_is_there_once_whoever_owns_the_stream_by_then(house: House) -> None:
    tab = await Tab(house, house.streams()).hello()
    tab.receiver.receive_audio(frames(50), tab.now)
    tab.receiver.lost()
    [action] = tab.receiver.actions()
    assert isinstance(action, LeavePart)
    assert tab.owner
    name = await tab.streams.put_part(tab.owner, action)
    for _ in range(2):
        await tab.streams.leave_part(tab.owner, action, name)
    await Tab(house, house.streams("node-b"), stream=1).hello()
    await tab.streams.leave_part(tab.owner, action, name)
    assert [row["object"] for row in await house.rows("select object from parts")] == [name]
    assert await house.rows("select * from deletions") == []
    assert [each.object async for each in house.clips.list()] == [name]


class TestParts:
    async def test_one_that_nobody_takes_up_becomes_a_short_window(self, house: House) -> None:
        await (await (await Tab(house, house.streams()).hello()).audio(frames(100))).lost()
        assert await house.parts.flush_due() == 0  # 60 s have not passed
        await house.part_is_old()
        assert await house.parts.flush_due() == 1
        assert await house.parts.flush_due() == 0
        assert await stored_windows(house) == [(1, 0, 0, 2400)]
        assert await clip_bytes(house) == [frames(100)]
        assert await house.rows("select * from parts") == []

    async def test_and_the_stream_goes_on_after_it(self, house: House) -> None:
        whole = frames(WINDOW_FRAMES + 200)
        await (await (await Tab(house, house.streams()).hello()).audio(whole[: 100 * FRAME_BYTES])).lost()
        await house.part_is_old()
        await house.parts.flush_due()
        tab = await Tab(house, house.streams("node-b"), stream=1).hello()
        assert tab.ready.offset <= 98 * FRAME_BYTES  # the next window's clip needs its lead-in
        await tab.audio(whole[tab.ready.offset :])
        await tab.text(Finish())
        assert await stored_windows(house) == [(1, 0, 0, 2400), (1, 1, 2400, 60_000), (1, 2, 62_400, 2400)]

    async def test_one_that_was_taken_up_is_left_alone(self, house: House) -> None:
        await (await (await Tab(house, house.streams()).hello()).audio(frames(100))).lost()
        await house.part_is_old()
        await Tab(house, house.streams(), stream=1).hello()
        assert await house.parts.flush_due() == 0
        assert not await house.parts.flush("m", "p", 1)

    async def test_one_whose_candidate_began_a_new_stream_is_flushed_at_once(self, house: House) -> None:
        await (await (await Tab(house, house.streams()).hello()).audio(frames(100))).lost()
        await Tab(house, house.streams()).hello()
        assert await house.parts.flush("m", "p", 1)
        assert await stored_windows(house) == [(1, 0, 0, 2400)]

    async def test_the_last_owner_of_an_overtaken_stream_may_still_leave_its_part(self, house: House) -> None:
        older = await (await Tab(house, house.streams("node-a")).hello()).audio(frames(100))
        newer = await Tab(house, house.streams("node-b")).hello()
        await older.lost()
        assert await house.parts.flush("m", "p", 1)
        assert await stored_windows(house) == [(1, 0, 0, 2400)]
        await newer.audio(frames(WINDOW_FRAMES + 1))  # and the newer one was not disturbed
        assert (2, 0, 0, 60_000) in await stored_windows(house)

    async def test_two_sweepers_flush_one_part_once(self, house: House) -> None:
        await (await (await Tab(house, house.streams()).hello()).audio(frames(100))).lost()
        await house.part_is_old()
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(house.parts.flush_due)
        assert await stored_windows(house) == [(1, 0, 0, 2400)]
        assert [kind for kind, _ in await house.events()].count("window_stored") == 1

    async def test_less_than_a_frame_is_nothing_to_judge(self, house: House) -> None:
        await (await (await Tab(house, house.streams()).hello()).audio(frames(1)[:50])).lost()
        assert await house.rows("select * from parts") == []


async def test_gaps_survive_a_broken_line_and_are_told_once(house: House) -> None:
    tab = await (await Tab(house, house.streams()).hello()).audio(frames(100))
    await tab.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
    await tab.lost()
    tab = await Tab(house, house.streams("node-b"), stream=1).hello()
    await tab.text(Gap(offset=100 * FRAME_BYTES, lost_ms=5000))
    await tab.audio(frames(100))
    await tab.text(Finish())
    assert await stored_windows(house) == [(1, 0, 0, 2400), (1, 1, 7400, 2400)]
    missing = [body for kind, body in await house.events() if kind == "audio_missing"]
    assert missing == [{"stream": 1, "start_ms": 2400, "lost_ms": 5000}]


async def test_a_gap_before_the_first_frame_is_remembered_and_told_once(house: House) -> None:
    killed = await Tab(house, house.streams()).hello()
    await killed.text(Gap(offset=0, lost_ms=5000))  # and the process is killed
    tab = await Tab(house, house.streams("node-b"), stream=1).hello()
    await tab.text(Gap(offset=0, lost_ms=5000))
    await tab.audio(frames(100))
    await tab.text(Finish())
    assert await stored_windows(house) == [(1, 0, 5000, 2400)]
    missing = [body for kind, body in await house.events() if kind == "audio_missing"]
    assert missing == [{"stream": 1, "start_ms": 0, "lost_ms": 5000}]


async def test_windows_begin_when_they_were_spoken(house: House) -> None:
    tab = await Tab(house, house.streams()).hello()
    began = tab.now
    for _ in range(62):  # in real time
        tab.receiver.receive_audio(frames(42), tab.now)
        tab.now += 42 * FRAME_MS
        await tab.do()
    [row] = await house.rows("select start_at from windows")
    # The first message brought a second of sound, spoken before it arrived, but not before the candidate was there.
    assert 0 <= began - millis(row["start_at"]) <= 42 * FRAME_MS  # type: ignore[arg-type]


class TestPresence:
    async def test_degraded_is_said_at_most_once_a_minute(self, house: House) -> None:
        presence = Presence(house.database, house.moved.append, "node-a")
        tab = await Tab(house, house.streams()).hello()
        assert tab.owner
        for _ in range(2):
            await presence.degraded(tab.owner)
            await presence.streaming(tab.owner)
        assert [kind for kind, _ in await house.events()] == [
            "candidate_streaming",
            "candidate_degraded",
            "candidate_streaming",
        ]

    async def test_lost_only_if_nobody_came_back(self, house: House) -> None:
        presence = Presence(house.database, house.moved.append, "node-a")
        tab = await Tab(house, house.streams()).hello()
        assert tab.owner
        await presence.lost(tab.owner, "gone")  # the line is still held
        await tab.lost()
        again = await Tab(house, house.streams("node-b"), stream=1).hello()
        await presence.lost(tab.owner, "gone")  # somebody came back
        assert [kind for kind, _ in await house.events()] == ["candidate_streaming"]
        await again.lost()
        assert again.owner
        await presence.lost(again.owner, "gone")
        assert (await house.events())[-1] == ("candidate_lost", {"stream": 1, "reason": "gone"})
        await Tab(house, house.streams("node-b"), stream=1).hello()
        assert (await house.events())[-1] == ("candidate_streaming", {"stream": 1})

    async def test_who_was_taken_for_lost_and_goes_on_is_streaming(self, house: House) -> None:
        """A node that stood still comes back: its lines are still its own."""
        presence = Presence(house.database, house.moved.append, "node-a")
        tab = await Tab(house, house.streams("node-a")).hello()
        await house.database.execute("update participants set node = null, state = 'lost'")
        assert tab.owner
        await presence.streaming(tab.owner)
        assert await house.rows("select node, state from participants") == [{"node": "node-a", "state": "streaming"}]

    async def test_lines_that_nobody_holds_are_found(self, house: House) -> None:
        presence = Presence(house.database, house.moved.append, "node-a")
        tab = await Tab(house, house.streams("node-a")).hello()
        assert await presence.held() == [tab.owner]
        [line] = await presence.lines([("m", "p")])
        assert (line["node"], line["state"], line["ended_at"]) == ("node-a", "streaming", None)
        assert [line["generation"] for line in await presence.lines([("m", "nobody")])] == [None]

    async def test_a_line_that_was_taken_for_nobodys_is_claimed_back(self, house: House) -> None:
        presence = Presence(house.database, house.moved.append, "node-a")
        tab = await Tab(house, house.streams("node-a")).hello()
        assert tab.owner
        for state in ("silent", "lost"):
            await house.database.execute("update participants set node = null, state = :state", {"state": state})
            await presence.reclaim(tab.owner, state)
            assert (await house.rows("select node from participants")) == [{"node": "node-a"}]
        assert (await house.rows("select state from participants")) == [{"state": "streaming"}]


async def test_the_row_keeps_the_offset_that_was_acknowledged(house: House) -> None:
    tab = await Tab(house, house.streams()).hello()
    for number in range(3):
        await tab.audio(frames(WINDOW_FRAMES, first=number * WINDOW_FRAMES))
    stored = [message.offset for message in tab.said if isinstance(message, Stored)]
    [row] = await house.rows("select resume_offset, next_window from streams")
    assert row == {"resume_offset": stored[-1], "next_window": len(stored)}
    assert stored[-1] < len(stored) * WINDOW_BYTES
