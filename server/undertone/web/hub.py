"""Who watches which meeting on this node: reads what is new once, and hands it to every subscriber.

The database is the truth and a notification only names a meeting that moved, so lost, doubled and early ones do no
harm: what is read is decided by ids. Besides, all meetings watched here are compared with the database every 5 s.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Protocol

import anyio
from anyio.abc import TaskGroup
from anyio.lowlevel import checkpoint

from undertone.core.channel_actions import Send
from undertone.core.errors import FellBehind, NotFound, RemoteFault, Revoked, Unavailable
from undertone.store.events import Page

log = logging.getLogger(__name__)

PAGE: Final = 200  # events read at once: some 100 kB, a few milliseconds
READS_AT_ONCE: Final = 3  # of the database's ten connections
COMPARE_EVERY_S: Final = 5.0
LOOK_EVERY_S: Final = 0.5  # at the clock: ticks and ends of tokens are that exact
# Between the subscribers of one event everybody else gets a turn: 100 sends are 1 to 2 ms.
SENDS_PER_TURN: Final = 100
# Handed to a socket in one go, in characters: what its transport holds. More would overflow a healthy one's queue, for
# the line gets its turn only after ours.
CHUNK: Final = 64 * 1024
# Away means: a restart of the database, or its successor taking over. Full jitter between nodes.
RETRY_FIRST_S: Final = 0.1
RETRY_MOST_S: Final = 5.0


def steady_ms() -> int:
    """Milliseconds of a clock that nobody sets."""
    return time.monotonic_ns() // 1_000_000


class Reader(Protocol):
    """What the hub asks of `store.events.Events`."""

    async def page(self, meeting: str, after: int, limit: int) -> Page | None:
        """The events after an id, and where the channel stands; None if the meeting is gone."""

    async def moved_since(self, known: Mapping[str, int]) -> list[str]:
        """Those meetings whose last id is another."""


class Subscriber(Protocol):
    """One proctor's socket, as the hub sees it. Nothing here waits."""

    @property
    def proctor(self) -> str:
        """The proctor's id; empty before it is known, and for the holder of the `admin_id`."""

    def deliver(self, events: Sequence[Send]) -> None:
        """New events, ascending."""

    def next_time(self) -> int | None:
        """When `handle_time` is due, in `steady_ms`."""

    def handle_time(self, now: int) -> None:
        """Time has passed."""

    def close(self, fault: RemoteFault) -> None:
        """Tell the fault and close."""

    def check_again(self) -> None:
        """Notices may have been lost: ask again whether the credential still holds."""


class _Room:
    """The subscribers of one meeting here, and how far it was read for them."""

    __slots__ = ("cursor", "epoch", "meeting", "moved", "reading", "subscribers")

    def __init__(self, meeting: str) -> None:
        self.meeting = meeting
        # In the order they came, each with the number of its entry in the hub's `_due`.
        self.subscribers: dict[Subscriber, int | None] = {}
        self.epoch = ""
        self.cursor: int | None = None  # None until the first subscriber has found its place
        self.moved = False
        self.reading = False


class Hub:
    """One per process. `run` is its life; the other methods are called from the same event loop."""

    def __init__(self, events: Reader, now: Callable[[], int] = steady_ms) -> None:
        self._events = events
        self._now = now
        self._rooms: dict[str, _Room] = {}
        self._tasks: TaskGroup | None = None
        self._reads = anyio.CapacityLimiter(READS_AT_ONCE)
        self._due: list[tuple[int, int, str, Subscriber]] = []
        self._entries = itertools.count()  # also between those due at the same moment; subscribers don't compare

    @property
    def subscribers(self) -> int:
        """How many there are on this node, of all meetings."""
        return sum(len(room.subscribers) for room in self._rooms.values())

    # --- subscribers

    def subscribe(self, meeting: str, subscriber: Subscriber) -> None:
        """From now on new events reach it. It reads its place only after this, so that nothing falls between."""
        room = self._rooms.get(meeting)
        if room is None:
            room = self._rooms[meeting] = _Room(meeting)
        room.subscribers[subscriber] = None

    def follow(self, meeting: str, subscriber: Subscriber, epoch: str, last_id: int) -> None:
        """The subscriber has found its place: the channel stood at `last_id`. From now on it is told the time, too."""
        room = self._rooms.get(meeting)
        if room is None or subscriber not in room.subscribers:
            return
        if room.cursor is None:
            room.epoch, room.cursor = epoch, last_id
            self._begin(room)
        elif room.epoch != epoch:
            self.moved(meeting)  # the page will show it to all
        self.schedule(meeting, subscriber)

    def schedule(self, meeting: str, subscriber: Subscriber) -> None:
        """Its `next_time` may be another: a renewed token may end sooner than the old one. Its last entry counts."""
        room = self._rooms.get(meeting)
        due = subscriber.next_time()
        if room is not None and subscriber in room.subscribers and due is not None:
            entry = room.subscribers[subscriber] = next(self._entries)
            heapq.heappush(self._due, (due, entry, meeting, subscriber))

    def unsubscribe(self, meeting: str, subscriber: Subscriber) -> None:
        """It has gone."""
        room = self._rooms.get(meeting)
        if room is not None:
            room.subscribers.pop(subscriber, None)
            if not room.subscribers:
                del self._rooms[meeting]

    # --- notices

    def moved(self, meeting: str) -> None:
        """The meeting has new events, or is gone."""
        room = self._rooms.get(meeting)
        if room is not None:
            room.moved = True
            self._begin(room)

    def revoked(self, meeting: str, proctor: str) -> None:
        """A proctor may watch no longer."""
        room = self._rooms.get(meeting)
        for subscriber in list(room.subscribers) if room else ():
            if subscriber.proctor == proctor:
                subscriber.close(Revoked("this proctor was revoked"))

    def reconnected(self) -> None:
        """Notices may have been lost: read everything, and ask again who may watch."""
        for room in list(self._rooms.values()):
            self.moved(room.meeting)
            for subscriber in list(room.subscribers):
                subscriber.check_again()

    # --- the life of it

    async def run(self) -> None:
        """Until cancelled. What fails here, but for the database, ends the process: better than ageing."""
        async with anyio.create_task_group() as tasks:
            self._tasks = tasks
            for room in list(self._rooms.values()):
                self._begin(room)
            tasks.start_soon(self._compare)
            await self._keep_time()

    def _begin(self, room: _Room) -> None:
        if room.moved and not room.reading and room.cursor is not None and self._tasks is not None:
            room.reading = True
            self._tasks.start_soon(self._read, room)

    async def _read(self, room: _Room) -> None:
        failures = 0
        while room.moved and room.subscribers:
            room.moved = False
            assert room.cursor is not None
            try:
                async with self._reads:
                    page = await self._events.page(room.meeting, room.cursor, PAGE)
            except Unavailable as away:
                room.moved = True
                most = min(RETRY_MOST_S, RETRY_FIRST_S * 2**failures)
                log.warning("the events of %s can't be read, trying again: %s", room.meeting, away.detail)
                await anyio.sleep(random.uniform(0, most))  # noqa: S311 - spreads load, protects nothing
                failures = min(failures + 1, 10)
                continue
            failures = 0
            fault = _broken(room, page)
            if fault is not None:
                self._close_all(room, fault)
                break
            assert page is not None
            if page.events:
                # More than a page, or news since: read on until the counter is reached.
                room.moved = room.moved or page.position.last_id > page.events[-1].id
                for chunk in _chunks([Send(event.text, event.id) for event in page.events]):
                    room.cursor = chunk[-1].id
                    await self._deliver(room, chunk)
        room.reading = False

    async def _deliver(self, room: _Room, events: list[Send]) -> None:
        # Who subscribes while this goes on reads its place after it subscribed, and so has these from history.
        for count, subscriber in enumerate(list(room.subscribers), 1):
            if subscriber in room.subscribers:
                subscriber.deliver(events)
            if count % SENDS_PER_TURN == 0:
                await checkpoint()
        await checkpoint()

    def _close_all(self, room: _Room, fault: RemoteFault) -> None:
        """Whoever comes back finds a new room."""
        if self._rooms.get(room.meeting) is room:
            del self._rooms[room.meeting]
        for subscriber in list(room.subscribers):
            subscriber.close(fault)

    async def _compare(self) -> None:
        while True:
            await anyio.sleep(COMPARE_EVERY_S)
            known = {room.meeting: room.cursor for room in self._rooms.values() if room.cursor is not None}
            if known:
                try:
                    async with self._reads:
                        moved = await self._events.moved_since(known)
                except Unavailable as away:
                    log.warning("the meetings watched can't be compared, trying again: %s", away.detail)
                    continue
                for meeting in moved:
                    self.moved(meeting)

    # --- time: one timer for all

    async def _keep_time(self) -> None:
        while True:
            await anyio.sleep(LOOK_EVERY_S)
            now = self._now()
            sent = 0
            while self._due and self._due[0][0] <= now:
                _, entry, meeting, subscriber = heapq.heappop(self._due)
                room = self._rooms.get(meeting)
                if room is None or room.subscribers.get(subscriber) != entry:
                    continue
                subscriber.handle_time(now)
                self.schedule(meeting, subscriber)
                sent += 1
                if sent % SENDS_PER_TURN == 0:
                    await checkpoint()


def _chunks(events: list[Send]) -> Iterator[list[Send]]:
    """The events in runs that fit into a socket; a larger one alone."""
    run: list[Send] = []
    size = 0
    for event in events:
        size += len(event.text)
        if run and size > CHUNK:
            yield run
            run, size = [], len(event.text)
        run.append(event)
    yield run


def _broken(room: _Room, page: Page | None) -> RemoteFault | None:
    """Why the meeting can't go on for its subscribers, if it can't."""
    if page is None:
        return NotFound("the meeting was deleted")
    assert room.cursor is not None
    if page.position.epoch != room.epoch or page.position.last_id < room.cursor:
        return FellBehind("the database was restored; join again for the state")
    if not page.events and page.position.last_id > room.cursor:
        return FellBehind(f"the events after {room.cursor} are kept no longer; join again for the state")
    return None
