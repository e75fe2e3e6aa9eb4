"""Who uploaded waits for the verdict: through the hub, that is without asking in between."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import anyio
import msgspec
from msgspec import Struct

from undertone.core.channel_actions import Send
from undertone.core.errors import Draining, NotFound, Overloaded, RemoteFault, Unavailable
from undertone.core.events import Person
from undertone.store.events import Events
from undertone.store.uploads import Judged, Kept, Uploads
from undertone.web.hub import Hub
from undertone.web.problems import HttpFault
from undertone.web.uploads import OVERLOADED_RETRY_MS

VERDICT_WITHIN_S: Final = 120.0
ASK_AGAIN_S: Final = 30  # as often as that page asks for its list
ASK_DATABASE_AGAIN_S: Final = 1.0  # while it is away
# As a thousand candidates have who upload each minute, if each waits as long as it may. An event is handed to all those
# of its meeting, a microsecond each.
MAX_PLACES: Final = 2_000

log = logging.getLogger(__name__)


class _Told(Struct, frozen=True):
    """What of an event says whether it is about an upload's window."""

    kind: str
    participant: Person | None = None
    stream: int | None = None


_told: Final = msgspec.json.Decoder(_Told)
_JUDGED: Final = "window_judged"
LEAVING: Final = "this node is going away"


class Waiter:
    """One upload among a meeting's subscribers: rings for each of its windows that is judged."""

    proctor = ""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self.fault: RemoteFault | None = None
        self.rung = anyio.Event()

    def deliver(self, events: Sequence[Send]) -> None:
        for event in events:
            if _JUDGED in event.text and self._kept.participant in event.text:
                told = _told.decode(event.text)
                person = told.participant
                if told.kind == _JUDGED and person and (person.id, told.stream) == self._mine:
                    self.rung.set()

    @property
    def _mine(self) -> tuple[str, int]:
        return self._kept.participant, self._kept.stream

    def next_time(self) -> int | None:
        return None

    def handle_time(self, now: int) -> None:
        """Nothing is due."""

    def close(self, fault: RemoteFault) -> None:
        self.fault = fault
        self.rung.set()

    def check_again(self) -> None:
        """There is no credential to ask about."""


class Verdicts:
    """All who wait; one per process."""

    def __init__(
        self,
        hub: Hub,
        events: Events,
        uploads: Uploads,
        *,
        within_s: float = VERDICT_WITHIN_S,
        max_places: int = MAX_PLACES,
    ) -> None:
        self._hub = hub
        self._events = events
        self._uploads = uploads
        self.within_s = within_s
        self.max_places = max_places
        self._places = 0
        self._waiting: set[Waiter] = set()
        self._draining = False

    def drain(self) -> None:
        """This node goes away: everybody is told now, and nobody waits any more."""
        self._draining = True
        for waiter in self._waiting:
            waiter.close(Draining(LEAVING))

    @contextmanager
    def place(self) -> Iterator[None]:
        """For one upload, from before it is taken in until it is answered. Raises Draining or Overloaded, and nothing
        was taken then."""
        if self._draining:
            raise Draining(f"{LEAVING}, and nothing was taken; send it again", OVERLOADED_RETRY_MS)
        if self._places >= self.max_places:
            raise Overloaded("too many uploads wait for their verdicts; send this one again", OVERLOADED_RETRY_MS)
        self._places += 1
        try:
            yield
        finally:
            self._places -= 1

    async def of(self, kept: Kept) -> list[Judged]:
        """All windows, judged. Raises HttpFault 503 if they can't be waited for, or not that long; NotFound."""
        waiter = Waiter(kept)
        self._waiting.add(waiter)
        self._hub.subscribe(kept.meeting, waiter)
        try:
            if self._draining:
                raise _pending(LEAVING)
            with anyio.fail_after(self.within_s):
                while True:
                    try:
                        await self._follow(waiter, kept)
                        return await self._wait(waiter, kept)
                    except Unavailable as away:
                        log.warning("the verdict on an upload can't be read, trying again: %s", away.detail)
                    await anyio.sleep(ASK_DATABASE_AGAIN_S)
        except TimeoutError:
            raise _pending(f"it was not judged within {self.within_s:g} s") from None
        finally:
            self._hub.unsubscribe(kept.meeting, waiter)
            self._waiting.discard(waiter)

    async def _follow(self, waiter: Waiter, kept: Kept) -> None:
        position = await self._events.position(kept.meeting)
        if position is None:
            raise NotFound("the meeting was deleted")
        self._hub.follow(kept.meeting, waiter, position.epoch, position.last_id)

    async def _wait(self, waiter: Waiter, kept: Kept) -> list[Judged]:
        """After `_follow`: what was judged before it stands in the rows, and what comes after it rings."""
        while True:
            waiter.rung = anyio.Event()
            judged = await self._uploads.verdicts(kept)
            if all(each.outcome is not None for each in judged):
                return judged
            if waiter.fault is None:
                await waiter.rung.wait()
            if isinstance(waiter.fault, NotFound):
                raise waiter.fault
            if waiter.fault is not None:
                raise _pending(LEAVING if self._draining else "its meeting's events can't be followed from here")


def _pending(why: str) -> HttpFault:
    """Unlike 503s of before it was stored: to send it again would be wrong."""
    detail = (
        f"the upload is stored; {why}: the verdict still comes by itself, to the list and to the channel. "
        "To send it again would be a second recording"
    )
    return HttpFault(503, "verdict_pending", detail, {"Retry-After": str(ASK_AGAIN_S)})
