"""A candidate's tab at a real PostgreSQL and a real folder, its actions done one by one."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from undertone.core.messages import Finish, Gap, StreamHello, StreamReady, encode
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import End, FinishStream, KeepAnchor, KeepGap, LeavePart, Open, Send, StoreWindow
from undertone.store.clips import ClipStore
from undertone.store.database import Database
from undertone.store.parts import Parts
from undertone.store.stream_rows import AlreadyFinished, Owner, millis
from undertone.store.streams import Streams

HOUR_MS = 3_600_000


@dataclass
class Store:
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


@dataclass
class Tab:
    """A candidate's connection to one node, its actions done one by one."""

    store: Store
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
            case KeepAnchor():
                assert self.owner
                await self.streams.keep_anchor(self.owner, action)
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
        row = await self.store.database.fetch_one("select clock_timestamp() as now")
        assert row
        return millis(row["now"])

    @property
    def ready(self) -> StreamReady:
        return next(message for message in self.said if isinstance(message, StreamReady))


async def stored_windows(store: Store) -> list[tuple[int, int, int, int]]:
    rows = await store.database.fetch_all(
        "select stream, number, start_ms, duration_ms from windows order by stream, number"
    )
    return [(row["stream"], row["number"], row["start_ms"], row["duration_ms"]) for row in rows]


async def clip_bytes(store: Store) -> list[bytes]:
    rows = await store.database.fetch_all("select clip from windows order by stream, number")
    return [await store.clips.get(f"clips/m/{row['clip']}.mp3") for row in rows]
