"""The server's side of one proctor's socket: who may watch, what follows its cursor, when it is told what.

A pure state machine: feed it what happened (a message, an answer of the store, live events, the time) and carry out the
actions it returns, in order. Times are milliseconds of one steady clock of the caller's. Events reach it along two
ways, from history by id and live; whatever their order, they leave in order, once each and without holes.

    awaiting_hello ─hello→ authenticating ─accepted→ joining ─located | snapshot→ watching      each ─fault→ closed
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from undertone.core import messages
from undertone.core.asks import Asks
from undertone.core.channel_actions import (
    Action,
    Authenticate,
    Close,
    Credential,
    GiveReview,
    Locate,
    Recover,
    Send,
    TakeSnapshot,
)
from undertone.core.errors import (
    BadMessage,
    FellBehind,
    Forbidden,
    NotFound,
    RemoteFault,
    TokenExpired,
    Unauthorized,
)
from undertone.core.events import Anomaly
from undertone.core.messages import (
    EXPIRING_BEFORE_MS,
    TICK_EVERY_MS,
    Candidate,
    ChannelHello,
    ChannelReady,
    Cursor,
    Expiring,
    Message,
    Refresh,
    Review,
    Tick,
)
from undertone.core.ordering import Ordering

# An id that can't exist is unknown without asking the database, which would choke on some of them.
WELL_FORMED: Final = re.compile(r"[0-9A-Za-z_-]{1,200}\Z")

# What a transport takes before it asks to wait: asyncio's and uvloop's high-water mark.
TRANSPORT_HOLDS: Final = 64 * 1024

State: TypeAlias = Literal["awaiting_hello", "authenticating", "joining", "watching", "closed"]

# Which messages a state takes; a miss is a `bad_message` with the reason beside.
TAKES: Final[dict[State, tuple[frozenset[type[Message]], str]]] = {
    "awaiting_hello": (frozenset({ChannelHello}), "comes after `hello`: say that first"),
    "authenticating": (frozenset(), "comes too early: await `ready`"),
    "joining": (frozenset(), "comes too early: await `ready`"),
    "watching": (frozenset({Review, Refresh}), "was said before: one socket watches one meeting"),
}


class Channel:
    """One proctor's socket. Every input returns the actions it asks for; after `Close` there are none."""

    __slots__ = (
        "_asks", "_credential", "_cursor", "_expiring_at", "_meeting", "_order", "_tick_at", "state",
    )  # fmt: skip

    def __init__(self) -> None:
        self.state: State = "awaiting_hello"
        self._meeting = ""
        self._cursor: Cursor | None = None
        self._credential: Credential | None = None
        self._order = Ordering()
        self._tick_at = 0
        self._expiring_at: int | None = None  # None: the credential does not end, or `expiring` was said
        self._asks = Asks()

    # --- what the peer sends

    def receive(self, data: str | bytes, now: int) -> Sequence[Action]:
        """A message of the peer's."""
        if self.state == "closed":
            return ()
        try:
            if isinstance(data, bytes):
                raise BadMessage("a proctor's messages are text; binary ones are a candidate's audio, on /stream")
            try:
                message = messages.decode_from_proctor(data)
            except BadMessage as fault:
                if self.state == "watching" and messages.is_review(data):
                    return (_error(self._asks.spend("review", now) or fault),)
                raise
            taken, reason = TAKES[self.state]
            if type(message) not in taken:
                raise BadMessage(f"`{type(message).__struct_config__.tag}` {reason}")
            if isinstance(message, ChannelHello):
                return self._greeted(message)
            return self._asked_for(message, now)
        except RemoteFault as fault:
            return self.close(fault)

    def _greeted(self, hello: ChannelHello) -> Sequence[Action]:
        if not hello.admin_id and not hello.token:
            raise Unauthorized("`hello` carries a credential: `admin_id` or `token`")
        if hello.admin_id is not None and hello.token is not None:
            raise BadMessage("`hello` carries either `admin_id` or `token`, not both")
        self.state = "authenticating"
        self._meeting = hello.meeting
        self._cursor = hello.after
        return (Authenticate(hello),)

    def _asked_for(self, message: Review | Refresh, now: int) -> Sequence[Action]:
        assert self._credential is not None
        if isinstance(message, Refresh) and self._credential.ends is None:
            raise BadMessage("there is nothing to refresh: an `admin_id` does not end")
        what = f"review {message.key}" if isinstance(message, Review) else "refresh"
        refused = self._asks.spend(what, now)
        if refused is not None:
            return (_error(refused),)
        if isinstance(message, Refresh):
            return (Authenticate(message),)
        if not WELL_FORMED.match(message.anomaly):
            return self.review_failed(message.key, NotFound("no such anomaly"))
        return (GiveReview(message, by=self._credential.name),)

    # --- what the authority and the store answer

    def accepted(self, credential: Credential, now: int) -> Sequence[Action]:
        """The authority took the hello's or the refresh's credential."""
        if self.state == "authenticating":
            self.state = "joining"
            self._authorize(credential)
            return (Locate(self._meeting),)
        if self.state != "watching":
            return ()
        assert self._credential is not None
        if credential.id != self._credential.id:
            return self.close(Forbidden("the new token is somebody else's: open a socket of its own for it"))
        self._authorize(credential)
        return self.handle_time(now)

    def _authorize(self, credential: Credential) -> None:
        self._credential = credential
        self._expiring_at = None if credential.ends is None else credential.ends - EXPIRING_BEFORE_MS

    def located(self, epoch: str, last_id: int, trimmed_to: int, now: int) -> Sequence[Action]:
        """The meeting's counters, read after subscribing to its live events."""
        if self.state != "joining":
            return ()
        after = self._cursor
        # The event after the cursor must still be there: ids up to `trimmed_to` are gone.
        if after is None or after.epoch != epoch or not trimmed_to <= after.id <= last_id:
            return (TakeSnapshot(self._meeting),)
        ready = ChannelReady(meeting=self._meeting, epoch=epoch, recovered=True, last_id=last_id)
        return self._watch(ready, after.id, now)

    def snapshot(
        self, epoch: str, last_id: int, candidates: list[Candidate], anomalies: list[Anomaly], now: int
    ) -> Sequence[Action]:
        """The meeting's state as of `last_id`, read after subscribing."""
        if self.state != "joining":
            return ()
        ready = ChannelReady(
            meeting=self._meeting,
            epoch=epoch,
            recovered=False,
            last_id=last_id,
            candidates=candidates,
            anomalies=anomalies,
        )
        return self._watch(ready, last_id, now)

    def _watch(self, ready: ChannelReady, last: int, now: int) -> Sequence[Action]:
        self.state = "watching"
        self._cursor = None
        self._tick_at = now + TICK_EVERY_MS
        self._asks.begin(now)
        # Always through history once, also after a snapshot: it has a pace of its own, so a large `ready` that is
        # still on its way doesn't make a slow line fall behind.
        recover = Recover(self._meeting, self._order.start(last, ready.last_id))
        text = messages.encode(ready)
        if len(text) <= TRANSPORT_HOLDS:
            return (Send(text), recover, *self.handle_time(now))
        # A transport takes one message of any size without a wait; only the next one shows how slow the line is.
        return (Send(text), self._tick(), recover, *self.handle_time(now))

    def live(self, events: Sequence[Send]) -> Sequence[Action]:
        """Events that the node has read for all its subscribers of the meeting, ascending within one call."""
        if self.state == "watching":
            return self._then(self._order.live(events))
        if self.state == "joining":
            self._order.live(events)
        return ()

    def history(self, event: Send) -> Sequence[Action]:
        """One event of the page that `Recover` asked for, in the order of ids."""
        if self.state != "watching":
            return ()
        try:
            return self._order.history(event)
        except FellBehind as fault:
            return self.close(fault)

    def history_ended(self) -> Sequence[Action]:
        """That was the page. Asks for the next one while events are missing."""
        if self.state != "watching":
            return ()
        try:
            return self._then(self._order.page_ended())
        except FellBehind as fault:
            return self.close(fault)

    def _then(self, actions: Sequence[Action]) -> Sequence[Action]:
        missing = self._order.missing()
        return actions if missing is None else (*actions, Recover(self._meeting, missing))

    def reviewed(self, event: Send, repeated: bool) -> Sequence[Action]:
        """A review is stored, or was before (`repeated`); `event` is the one that told it.

        A first review comes to everybody as a live event. A repeat goes to this peer alone, with its old id; has the
        peer not come that far yet, it will receive it in its turn.
        """
        if self.state != "watching" or not repeated or event.id > self._order.last:
            return ()
        return (event,)

    def review_failed(self, key: str, fault: RemoteFault) -> Sequence[Action]:
        """A review could not be stored: an `error` that does not close."""
        if self.state != "watching":
            return ()
        return (_error(type(fault)(f"review {key}: {fault.detail}", fault.retry_after_ms)),)

    # --- time and the end

    def next_time(self) -> int | None:
        """When `handle_time` has something to do; None while not watching."""
        if self.state != "watching":
            return None
        assert self._credential is not None
        times = (self._tick_at, self._expiring_at, self._credential.ends)
        return min(time for time in times if time is not None)

    def handle_time(self, now: int) -> Sequence[Action]:
        """Time has passed: what is due of tick, expiring and the credential's end."""
        if self.state != "watching":
            return ()
        assert self._credential is not None
        ends, ends_at = self._credential.ends, self._credential.ends_at
        if ends is not None and now >= ends:
            return self.close(TokenExpired(f"the token ended at {ends_at}: renew it and come back"))
        actions: list[Action] = []
        if self._expiring_at is not None and now >= self._expiring_at:
            assert ends_at is not None
            self._expiring_at = None
            actions.append(Send(messages.encode(Expiring(at=ends_at))))
        if now >= self._tick_at:
            self._tick_at = now + TICK_EVERY_MS
            actions.append(self._tick())
        return actions

    def _tick(self) -> Send:
        return Send(messages.encode(Tick(last_id=self._order.known)))

    def close(self, fault: RemoteFault) -> Sequence[Action]:
        """End with this fault: a refused credential, a deleted meeting, a revoked proctor, a queue that ran over."""
        if self.state == "closed":
            return ()
        self.state = "closed"
        return (Close(fault),)


def _error(fault: RemoteFault) -> Send:
    return Send(messages.encode(messages.error_message(fault)))
