"""A candidate who streams real MP3 and a proctor who watches, while somebody throws rubbish into their meeting."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.audio import voice_frames
from tests.end_to_end.rubbish.room import House
from tests.end_to_end.wire import Message, Socket, channel, stream

SPOKEN_S = 150
EVERY_S = 0.1


@dataclass
class Bystanders:
    """Both run in a thread of their own: what blocks a test does not hold them up."""

    house: House
    mp3: bytes = field(default_factory=lambda: b"".join(voice_frames(SPOKEN_S, 48_000, 64_000, seed=5)))
    events: list[Message] = field(default_factory=list)
    told: list[Message] = field(default_factory=list)  # the candidate
    failed: list[BaseException] = field(default_factory=list)
    sent: int = 0
    candidate: str = ""
    ready: threading.Event = field(default_factory=threading.Event)
    leave: threading.Event = field(default_factory=threading.Event)
    gone: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        try:
            asyncio.run(self._both())
        except BaseException as fault:  # noqa: BLE001  # the test's own thread tells it
            self.failed.append(fault)
        self.ready.set()
        self.gone.set()

    async def _both(self) -> None:
        joined = self.house.room.join("Ada")
        self.candidate = joined["id"]
        watching, _ = await channel(self.house.server, self.house.room)
        speaking, _ = await stream(self.house.server, joined["token"])
        async with asyncio.TaskGroup() as tasks:
            watcher = tasks.create_task(self._watch(watching))
            await self._speak(speaking)
            last = self.house.room.events()[-1]["id"]
            while not self.events or self.events[-1]["id"] < last:
                await asyncio.sleep(0.05)
            watcher.cancel()

    async def _speak(self, speaking: Socket) -> None:
        """Twice as fast as it was spoken; what is left when the rubbish has ended, at once."""
        each = int(len(self.mp3) / SPOKEN_S * 2 * EVERY_S)
        while not self.leave.is_set():
            if self.sent < len(self.mp3):
                await speaking.say(self.mp3[self.sent : self.sent + each])
                self.sent = min(len(self.mp3), self.sent + each)
            self.ready.set()
            await asyncio.sleep(EVERY_S)
        await speaking.audio(self.mp3[self.sent :])
        await speaking.say({"type": "finish"})
        code, self.told = await speaking.closed()
        assert code == 1000

    async def _watch(self, watching: Socket) -> None:
        while True:
            message = await watching.hear(600)
            assert message["type"] in ("event", "tick"), message
            if message["type"] == "event":
                self.events.append(message)


@contextmanager
def bystanding(house: House) -> Iterator[Bystanders]:
    both = Bystanders(house)
    thread = threading.Thread(target=both.run)
    thread.start()
    both.ready.wait(30)
    try:
        yield both
    finally:
        both.leave.set()
        thread.join(60)
