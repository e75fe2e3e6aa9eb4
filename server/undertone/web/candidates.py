"""All candidates of this node: who holds which line, taking over, one timer for all, and who was lost."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, Protocol

import anyio
from anyio.abc import TaskGroup

from undertone.core.errors import Forbidden, MeetingEnded, NotFound, RemoteFault, Revoked, TakenOver, Unavailable
from undertone.core.messages import StreamHello
from undertone.store.admission import DELIVERY_AFTER_END, OLDER
from undertone.store.clock import DatabaseClock
from undertone.store.parts import Parts
from undertone.store.presence import Presence
from undertone.store.stream_rows import AlreadyFinished, Held, Opened, Owner
from undertone.store.streams import Streams
from undertone.web.auth import Authority
from undertone.web.candidate import Connection
from undertone.web.sockets import Peer
from undertone.web.tokens import Claims

log = logging.getLogger(__name__)

# The older connection writes its part before it is overtaken; a node that is dead or stuck is not waited for longer.
TAKE_OVER_WITHIN_S: Final = 2.0
# The hello of a line that broke may have waited in a queue, of a node that stood still say, while its client said
# another elsewhere: taking the line from that one would end the recording, for good. So a connection that was accepted
# before the line's owner was takes nothing over; and after a candidate's first hello, whoever says one answers a ping
# before it counts, so that nobody is told to go for a line that is broken. A round trip takes 0.6 s by satellite.
ANSWER_WITHIN_S: Final = 5.0
# A node that lives lets go within milliseconds. After a crash a thousand hellos wait for one that doesn't, in vain:
# asking every 50 ms would be 20,000 queries a second; doubling the pause each time makes it five for a hello.
ASK_FIRST_S: Final = 0.05
# A line that broke usually comes back at once; before this nobody is told.
LOST_AFTER_S: Final = 5.0
TICK_S: Final = 1.0
# How often lines that the database ascribes to this node, but that it does not hold, are given up.
RECONCILE_S: Final = 15.0


class TellsNodes(Protocol):
    """What the notifier does for taking over."""

    def took_over(self, meeting: str, participant: str, generation: int, node: str) -> None: ...


class _LetInMeanwhile(Exception):
    """Between a hello's admission and its opening, another one of the same candidate was opened."""


class Candidates:
    """The registry of one node. `run` must be running for as long as sockets are served."""

    def __init__(
        self,
        *,
        authority: Authority,
        streams: Streams,
        parts: Parts,
        presence: Presence,
        notifier: TellsNodes,
        clock: DatabaseClock,
        node: str,
        max_speed: float,
    ) -> None:
        self.streams = streams
        self.presence = presence
        self.clock = clock
        self.max_speed = max_speed
        self._authority = authority
        self._parts = parts
        self._notifier = notifier
        self._node = node
        self._connections: set[Connection] = set()
        self._lines: dict[tuple[str, str], Connection] = {}  # the newest of each candidate
        self._opening: set[tuple[str, str]] = set()
        self._look = anyio.Event()
        self._tasks: TaskGroup | None = None

    async def run(self) -> None:
        """Time, for all connections; and the tasks that outlive their sockets."""
        async with anyio.create_task_group() as self._tasks:
            self._tasks.start_soon(self._reconcile)
            while True:
                await anyio.sleep(TICK_S)
                now_ms = self.clock.now_ms()
                for connection in list(self._connections):
                    connection.tick(now_ms)

    async def converse(self, peer: Peer, hello: str) -> None:
        """Handle one socket from its first message on. Raises the fault that ends it."""
        connection = Connection(self, peer)
        self._connections.add(connection)
        try:
            await connection.converse(hello)
        finally:
            self.spawn(self._see_off, connection)

    async def settle(self, within_s: float) -> None:
        """Wait until everything that closed connections brought is written; after draining."""
        with anyio.move_on_after(within_s):
            for connection in list(self._connections):
                await connection.kept.wait()

    def spawn(self, task: Callable[..., Coroutine[Any, Any, None]], *args: object) -> None:
        """Run a task of the node's, which outlives the socket that asked for it."""
        assert self._tasks is not None, "Candidates.run is not running"
        self._tasks.start_soon(task, *args)

    # --- what other nodes and the HTTP side tell

    def taken_over(self, meeting: str, participant: str, generation: int) -> None:
        """A hello on another node wants the line whose generation is `generation`."""
        self._stop_line(meeting, participant, TakenOver("a newer connection owns the candidate"), generation)

    def revoked(self, meeting: str, participant: str) -> None:
        """The participant was revoked."""
        self._stop_line(meeting, participant, Revoked("this participant was revoked"))

    def ended(self, meeting: str, fault: RemoteFault | None = None) -> None:
        """The meeting ended, or was deleted (`fault` says so)."""
        for key in [key for key in self._lines if key[0] == meeting]:
            self._lines[key].stop(fault or MeetingEnded("the meeting has ended"))

    # --- what a connection asks

    async def open(self, connection: Connection, hello: StreamHello) -> Opened | AlreadyFinished:
        """Check the credential, get the older connection to let go, and take the stream over."""
        claims, _ = await self._authority.candidate(hello.token)
        while True:
            try:
                return await self._open(connection, hello, claims)
            except _LetInMeanwhile:
                continue  # another hello of this candidate: which of the two has somebody behind it?

    async def _open(self, connection: Connection, hello: StreamHello, claims: Claims) -> Opened | AlreadyFinished:
        meeting, participant = key = claims.meeting, claims.sub
        held = await self.streams.admit(meeting, participant, hello.stream, connection.accepted)
        if isinstance(held, AlreadyFinished):
            return held
        check = partial(self._refuse_late, connection, key, held.generation)
        check(held.generation)
        if held.generation and not await connection.answers(ANSWER_WITHIN_S):
            raise Unavailable("a line that answers no ping takes over no other: connect again")
        check(held.generation)  # else the newer line would be told to go by one that is refused itself
        await self._take_over(meeting, participant, held)
        self._opening.add(key)
        try:
            opened = await self.streams.open(
                meeting, participant, hello.stream, claims.exp * 1000, check, held.accepted_at
            )
            if isinstance(opened, Opened):
                self.clock.told(opened.now)
                older = self._lines.get(key)
                if older is not None and older.owner and older.owner.generation > opened.owner.generation:
                    raise TakenOver("a newer connection owns the candidate")
                self._lines[key] = connection
                if older is not None and older is not connection:
                    older.stop(TakenOver("a newer connection owns the candidate"))
                if hello.stream is None and opened.owner.stream > 1:
                    self.spawn(self._flush_overtaken, meeting, participant, opened.owner.stream - 1)
            return opened
        finally:
            self._opening.discard(key)

    async def refresh(self, owner: Owner, token: str) -> int:
        """When the renewed token ends (Unix ms). It must be of the same candidate."""
        claims, _ = await self._authority.candidate(token)
        if (claims.meeting, claims.sub) != (owner.meeting, owner.participant):
            raise Forbidden("this token is somebody else's: `refresh` renews the one that said hello")
        return claims.exp * 1000

    def _refuse_late(self, connection: Connection, key: tuple[str, str], admitted_at: int, generation: int) -> None:
        """A client that gave this hello up has said another, here or (if the line broke) at another node: opening it
        late would take the line from that one, for good."""
        line = self._lines.get(key)
        if connection.over or (line is not None and line.accepted > connection.accepted):
            raise Unavailable(OLDER)
        if generation != admitted_at:
            raise _LetInMeanwhile

    async def _take_over(self, meeting: str, participant: str, held: Held) -> None:
        older = self._lines.get((meeting, participant))
        if older is not None:
            older.stop(TakenOver("a newer connection owns the candidate"))
            with anyio.move_on_after(TAKE_OVER_WITHIN_S):
                await older.kept.wait()
        elif held.node is not None and held.node != self._node:
            self._notifier.took_over(meeting, participant, held.generation, self._node)
            pause_s = ASK_FIRST_S
            with anyio.move_on_after(TAKE_OVER_WITHIN_S):
                while True:
                    await anyio.sleep(pause_s)
                    pause_s *= 2
                    now = await self.streams.holder(meeting, participant)
                    if now is None or now.node is None or now.generation != held.generation:
                        return

    async def _flush_overtaken(self, meeting: str, participant: str, stream: int) -> None:
        try:
            await self._parts.flush(meeting, participant, stream)
        except Unavailable as away:
            log.warning("the part of an overtaken stream is left to the sweeper: %s", away)

    def _stop_line(self, meeting: str, participant: str, fault: RemoteFault, generation: int | None = None) -> None:
        connection = self._lines.get((meeting, participant))
        if connection is None or connection.owner is None:
            return
        if generation is None or connection.owner.generation <= generation:
            connection.stop(fault)

    async def _see_off(self, connection: Connection) -> None:
        """The socket has gone: once all is written, the line is free; if nobody comes back, the candidate is lost."""
        await connection.kept.wait()
        self._connections.discard(connection)
        owner = connection.owner
        if owner is None:
            return
        key = owner.meeting, owner.participant
        if self._lines.get(key) is connection:
            del self._lines[key]
        await anyio.sleep(LOST_AFTER_S)
        try:
            await self.presence.lost(owner, "the connection was lost")
        except Unavailable as away:
            log.warning("a lost candidate is left to the sweeper: %s", away)

    def reconnected(self) -> None:
        """Notices may have been missed: look at all lines now."""
        self._look.set()

    async def _reconcile(self) -> None:
        """The database is the truth: what a notice should have told is found here at the latest."""
        while True:
            with anyio.move_on_after(RECONCILE_S * random.uniform(0.8, 1.2)):  # noqa: S311 - spreads, protects nothing
                await self._look.wait()
            self._look = anyio.Event()
            try:
                await self._check_lines()
                for owner in await self.presence.held():
                    if (owner.meeting, owner.participant) not in {*self._lines, *self._opening}:
                        log.warning("giving up the line of %s, which nobody holds here", owner.participant)
                        await self.streams.release(owner)
            except Unavailable as away:
                log.warning("lines were not reconciled: %s", away)

    async def _check_lines(self) -> None:
        for row in await self.presence.lines(list(self._lines)) if self._lines else []:
            connection = self._lines.get((row["meeting"], row["participant"]))
            if connection is None or connection.owner is None or connection.opened_at is None or connection.over:
                continue
            ended_at = row["ended_at"]
            if row["generation"] is None:
                connection.stop(NotFound("the meeting was deleted"))
            elif row["revoked_at"] is not None:
                connection.stop(Revoked("this participant was revoked"))
            elif row["generation"] > connection.owner.generation:
                # Its hello was answered just as another node asked for the line, or the notice got lost.
                connection.stop(TakenOver("a newer connection owns the candidate"))
            elif ended_at is not None and (
                connection.opened_at < ended_at or row["now"] > ended_at + DELIVERY_AFTER_END
            ):
                connection.stop(MeetingEnded("the meeting has ended"))
            elif row["generation"] == connection.owner.generation and (row["node"] is None or row["state"] == "lost"):
                await self.presence.reclaim(connection.owner, row["state"])
