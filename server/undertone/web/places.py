"""How many snapshots may be in memory at once, and whose: one meeting that sleeps on its own holds up no other.

A snapshot stays in memory until its peer has read it, and only the peer decides how long that takes. So places are
few, one meeting gets half of them at most, and a peer that takes next to nothing gives its place up once others wait.
Whoever reads steadily, however large its snapshot, is left to its end: told to leave, it would come back for another
and never have one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

import anyio

from undertone.core.errors import FellBehind

# A snapshot of 50 candidates after three hours is 1 MB; of 1,000, up to 34 MB. A place is held until the text is gone,
# so that there are never more.
PLACES: Final = 8
# Whatever the proctors of one meeting do, those of another find a place.
PLACES_A_MEETING: Final = 4
# How long a peer may take less than the slowest pace when others wait. With nobody waiting the outbox loses patience.
PATIENCE_S: Final = 5.0
# 200 kbit/s: a line that carries less carries no exam either. 1 MB takes 40 s at this pace.
SLOWEST_BYTES_S: Final = 25_000


class Place:
    """For one snapshot, from before it is read until its text is gone."""

    __slots__ = ("_evict", "_unsent", "_unsent_then", "due_at", "evicted", "granted", "meeting")

    def __init__(self, meeting: str, evict: Callable[[FellBehind], None], unsent: Callable[[], int]) -> None:
        self.meeting = meeting
        self._evict = evict
        self._unsent = unsent
        self._unsent_then = 0
        self.granted = anyio.Event()
        self.due_at: float | None = None  # when the peer must have taken some; None: it is not its turn
        self.evicted = False

    def handed_over(self) -> None:
        """The snapshot is on its way; from now on it is the peer that takes the time."""
        self._unsent_then = self._unsent()
        self.due_at = anyio.current_time() + PATIENCE_S

    def look(self) -> None:
        """It is due, and others wait: it goes on if its peer has taken enough, and else it leaves."""
        unsent = self._unsent()
        if self._unsent_then - unsent >= SLOWEST_BYTES_S * PATIENCE_S:
            self._unsent_then = unsent
            self.due_at = anyio.current_time() + PATIENCE_S
        else:
            self.due_at = None
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

    async def take(self, meeting: str, evict: Callable[[FellBehind], None], unsent: Callable[[], int]) -> Place:
        """One place, once there is one; it must be given back. `evict` must make its holder leave soon.

        `unsent` answers how many bytes its peer has not taken yet.
        """
        place = Place(meeting, evict, unsent)
        self._waiting[place] = None
        self._grant()
        try:
            while not place.granted.is_set():
                with anyio.move_on_after(self._patience(meeting)):
                    await place.granted.wait()
                if not place.granted.is_set():
                    self._make_room(meeting)
        except BaseException:
            self._waiting.pop(place, None)
            self.give_back(place)
            raise
        return place

    def give_back(self, place: Place) -> None:
        """Its text is gone. Once more does nothing."""
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
        """Whose leaving would let somebody of the meeting in, and when they are due. None, if enough are leaving."""
        full = self._taken()[meeting] >= PLACES_A_MEETING
        held, waiting = (
            [place for place in places if place.meeting == meeting or not full]
            for places in (self._held, self._waiting)
        )
        if sum(place.evicted for place in held) >= len(waiting):
            return []
        return [(place.due_at, place) for place in held if place.due_at is not None]

    def _patience(self, meeting: str) -> float:
        """Seconds until somebody is due. At least some: others may look first."""
        due = [due_at for due_at, _ in self._in_the_way(meeting)]
        return max(0.05, min(due) - anyio.current_time()) if due else PATIENCE_S

    def _make_room(self, meeting: str) -> None:
        in_the_way = self._in_the_way(meeting)
        if in_the_way:
            due_at, first = min(in_the_way, key=lambda each: each[0])
            if anyio.current_time() >= due_at:
                first.look()
