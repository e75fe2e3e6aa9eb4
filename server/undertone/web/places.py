"""How many snapshots may be in memory at once, and whose: one meeting that sleeps on its own holds up no other.

A snapshot stays in memory until its peer has read it, and only the peer decides how long that takes. So places are
few, one meeting gets half of them at most, and a peer that has had its time gives its place up once others wait.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import anyio

from undertone.core.errors import FellBehind

# A snapshot of 50 candidates after three hours is 1 MB.
PLACES: Final = 8
# Whatever the proctors of one meeting do, those of another find a place.
PLACES_A_MEETING: Final = 4
# To read a snapshot, when others wait: 1 MB at 1.6 Mbit/s. With nobody waiting it is the outbox that loses patience.
PATIENCE_S: Final = 5.0


class Place:
    """For one snapshot, from before it is read until its peer has it."""

    __slots__ = ("_evict", "evicted", "granted", "handed_at", "meeting")

    def __init__(self, meeting: str, evict: Callable[[FellBehind], None]) -> None:
        self.meeting = meeting
        self._evict = evict
        self.granted = anyio.Event()
        self.handed_at: float | None = None
        self.evicted = False

    def handed_over(self) -> None:
        """The snapshot is on its way; from now on it is the peer that takes the time."""
        self.handed_at = anyio.current_time()

    def give_up(self) -> None:
        """Its time is over, and others wait."""
        self.evicted = True
        self._evict(FellBehind("your snapshot was not read in time and others wait for theirs; come back"))


class Places:
    """All places of a node."""

    def __init__(self) -> None:
        self._held: dict[Place, None] = {}  # in the order they were granted
        self._waiting: dict[Place, None] = {}  # in the order they came

    @property
    def held(self) -> int:
        """How many are taken."""
        return len(self._held)

    @asynccontextmanager
    async def place(self, meeting: str, evict: Callable[[FellBehind], None]) -> AsyncIterator[Place]:
        """One place, once there is one. `evict` must make its holder leave soon."""
        place = Place(meeting, evict)
        self._waiting[place] = None
        self._grant()
        try:
            while not place.granted.is_set():
                with anyio.move_on_after(self._patience(meeting)):
                    await place.granted.wait()
                if not place.granted.is_set():
                    self._make_room(meeting)
            yield place
        finally:
            self._waiting.pop(place, None)
            self._held.pop(place, None)
            self._grant()

    def _grant(self) -> None:
        """To the meetings that have the fewest first; within one, to who came first."""
        while self._waiting and len(self._held) < PLACES:
            has = self._taken()
            place = min(self._waiting, key=lambda each: has[each.meeting])
            if has[place.meeting] >= PLACES_A_MEETING:
                return
            del self._waiting[place]
            self._held[place] = None
            place.granted.set()

    def _taken(self) -> Counter[str]:
        return Counter(place.meeting for place in self._held)

    def _in_the_way(self, meeting: str) -> list[tuple[float, Place]]:
        """Whose leaving would let somebody of the meeting in, and since when their peers could read."""
        full = self._taken()[meeting] >= PLACES_A_MEETING
        return [
            (place.handed_at, place)
            for place in self._held
            if place.handed_at is not None and not place.evicted and (place.meeting == meeting or not full)
        ]

    def _patience(self, meeting: str) -> float:
        """Seconds until somebody's time is over. At least some, for those being told to leave."""
        since = [handed_at for handed_at, _ in self._in_the_way(meeting)]
        return max(0.05, min(since) + PATIENCE_S - anyio.current_time()) if since else PATIENCE_S

    def _make_room(self, meeting: str) -> None:
        in_the_way = self._in_the_way(meeting)
        if in_the_way:
            handed_at, longest = min(in_the_way, key=lambda each: each[0])
            if anyio.current_time() >= handed_at + PATIENCE_S:
                longest.give_up()
