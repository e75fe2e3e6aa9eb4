"""One proctor's socket: feeds `core.channel`, and does what it asks. All rules are there; here is the waiting.

The socket is read without a pause. What takes time runs in tasks that end with the socket; reviews and refreshes one
after the other, in the order they were sent.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, Protocol

import anyio
from anyio.abc import TaskGroup
from starlette.types import Receive, Scope
from starlette.types import Send as AsgiSend
from starlette.websockets import WebSocket

from undertone.core.channel import Channel
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
from undertone.core.errors import NotFound, RemoteFault, Unavailable
from undertone.core.messages import CHANNEL_PROTOCOL, ChannelHello, Refresh
from undertone.core.times import rfc3339
from undertone.store.events import Events
from undertone.store.reviews import Reviews
from undertone.store.snapshot import Snapshot
from undertone.web.auth import Proctor
from undertone.web.hub import Hub, steady_ms
from undertone.web.outbox import Outbox
from undertone.web.places import Places
from undertone.web.sockets import Entrance, Peer

# Events read from history at once, by one subscriber.
PAGE: Final = 200
RETRY_MOST_S: Final = 5.0
# After lost notices all subscribers ask the database again; in this time, not at once.
CHECK_WITHIN_S: Final = 5.0


class Authority(Protocol):
    """Who may watch; `web.auth.Authority` is it."""

    async def proctor(self, meeting: str, admin_id: str | None, token: str | None, name: str | None = None) -> Proctor:
        """Raises the fault of who may not."""


@dataclass(frozen=True, slots=True)
class ProctorSockets:
    """The ASGI application behind `/channel`: what all proctors' sockets of this node share."""

    entrance: Entrance
    hub: Hub
    authority: Authority
    events: Events
    reviews: Reviews
    snapshot: Callable[[str], Awaitable[Snapshot]]
    places: Places = field(default_factory=Places)

    async def __call__(self, scope: Scope, receive: Receive, send: AsgiSend) -> None:
        """One WebSocket, from its handshake to its end."""
        with ExitStack() as afterwards:
            await self.entrance.serve(
                WebSocket(scope, receive, send), CHANNEL_PROTOCOL, partial(self._converse, afterwards)
            )

    async def _converse(self, afterwards: ExitStack, peer: Peer, hello: str) -> None:
        subscription: Subscription | None = None
        try:
            async with anyio.create_task_group() as tasks:
                subscription = Subscription(self, peer, tasks, afterwards)
                await subscription.converse(hello)
                tasks.cancel_scope.cancel()
        finally:
            # After its tasks have ended: one of them subscribes.
            if subscription is not None:
                subscription.gone()


class Subscription:
    """One socket after its hello. The hub sees it as its `Subscriber`."""

    __slots__ = (
        "_afterwards",
        "_asked",
        "_channel",
        "_in_order",
        "_meeting",
        "_outbox",
        "_peer",
        "_shared",
        "_tasks",
        "proctor",
    )

    def __init__(self, shared: ProctorSockets, peer: Peer, tasks: TaskGroup, afterwards: ExitStack) -> None:
        self._shared = shared
        self._peer = peer
        self._tasks = tasks
        self._afterwards = afterwards  # what is done once the peer was told the end
        self._channel = Channel()
        self._outbox = Outbox(peer.send, tasks.start_soon, self.close, peer.line.unsent)
        self._meeting = ""
        self._asked: ChannelHello | Refresh | None = None  # with the credential that holds
        self._in_order: anyio.Lock | None = None
        self.proctor = ""  # the hub's, to tell who was revoked

    async def converse(self, hello: str) -> None:
        """Until the peer leaves."""
        data: str | bytes | None = hello
        while data is not None:
            self._perform(self._channel.receive(data, steady_ms()))
            data = await self._peer.receive()

    def gone(self) -> None:
        """The socket has ended."""
        self._shared.hub.unsubscribe(self._meeting, self)

    # --- what the hub sees

    def deliver(self, events: Sequence[Send]) -> None:
        """New events, ascending."""
        self._perform(self._channel.live(events))

    def next_time(self) -> int | None:
        """When `handle_time` is due."""
        return self._channel.next_time()

    def handle_time(self, now: int) -> None:
        """Time has passed."""
        self._perform(self._channel.handle_time(now))

    def close(self, fault: RemoteFault) -> None:
        """Tell the fault and close."""
        self._perform(self._channel.close(fault))

    def check_again(self) -> None:
        """Whether the credential still holds."""
        if self._asked is not None:
            self._tasks.start_soon(self._check_again, self._asked)

    # --- what the channel asks for

    def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if type(action) is Send:
                self._outbox.push(action.text)
            elif isinstance(action, Close):
                self._peer.stop(action.fault)
            else:
                self._tasks.start_soon(self._work, action)

    async def _work(self, action: Action) -> None:
        try:
            match action:
                case Authenticate(ChannelHello()):
                    await self._authenticate(action.ask)
                case Authenticate():
                    async with self._order():
                        await self._authenticate(action.ask)
                        self._shared.hub.schedule(self._meeting, self)
                case GiveReview():
                    async with self._order():
                        await self._review(action)
                case Locate():
                    await self._locate(action.meeting)
                case TakeSnapshot():
                    await self._take_snapshot(action.meeting)
                case Recover():
                    await self._recover(action)
        except RemoteFault as fault:
            self.close(fault)

    def _order(self) -> anyio.Lock:
        # Tasks start in the order they were asked for, and the lock is handed on in the order it was asked for.
        if self._in_order is None:
            self._in_order = anyio.Lock()
        return self._in_order

    async def _ask(self, ask: ChannelHello | Refresh) -> Proctor:
        authority = self._shared.authority
        if isinstance(ask, Refresh):
            return await authority.proctor(self._meeting, None, ask.token)
        return await authority.proctor(ask.meeting, ask.admin_id, ask.token, ask.name)

    async def _authenticate(self, ask: ChannelHello | Refresh) -> None:
        proctor = await self._ask(ask)
        now = steady_ms()
        ends = ends_at = None
        if proctor.expires_at is not None:
            ends = now + int((proctor.expires_at - datetime.now(UTC)).total_seconds() * 1000)
            ends_at = rfc3339(proctor.expires_at)
        # Whoever holds the admin_id is no proctor that could be revoked, whatever proctors are called.
        self.proctor = "" if proctor.admin else proctor.id
        self._asked = ask
        self._perform(self._channel.accepted(Credential(proctor.id, proctor.name, ends, ends_at), now))

    async def _check_again(self, ask: ChannelHello | Refresh) -> None:
        await anyio.sleep(random.uniform(0, CHECK_WITHIN_S))  # noqa: S311 - spreads load, protects nothing
        try:
            await self._ask(ask)
        except Unavailable:
            return  # whoever reads the database again tells us to ask again
        except RemoteFault as fault:
            self.close(fault)

    async def _locate(self, meeting: str) -> None:
        self._meeting = meeting
        self._shared.hub.subscribe(meeting, self)
        # A revocation between the answer to the hello and this moment was told while the hub did not know us yet.
        if self.proctor and self._asked is not None:
            await self._ask(self._asked)
        position = await self._shared.events.position(meeting)
        if position is None:
            raise NotFound("no such meeting")
        self._perform(
            self._channel.located(position.epoch, position.last_id, position.trimmed_to, steady_ms()),
        )
        if self._channel.state == "watching":
            self._shared.hub.follow(meeting, self, position.epoch, position.last_id)

    async def _take_snapshot(self, meeting: str) -> None:
        places = self._shared.places
        place = await places.take(meeting, self.close, self._peer.line.unsent)
        # Whoever is told to leave keeps its place until it has gone: until then its text is in memory.
        self._afterwards.callback(places.give_back, place)
        taken = await self._shared.snapshot(meeting)
        now = steady_ms()
        self._perform(self._channel.snapshot(taken.epoch, taken.last_id, taken.candidates, taken.anomalies, now))
        self._shared.hub.follow(meeting, self, taken.epoch, taken.last_id)
        place.handed_over()
        del taken  # the text alone is on its way
        await self._outbox.room()
        places.give_back(place)

    async def _recover(self, wanted: Recover) -> None:
        failures = 0
        while True:
            # Before the page, too: a large `ready` may still be on its way.
            await self._outbox.room()
            try:
                page = await self._shared.events.after(wanted.meeting, wanted.after, PAGE)
                break
            except Unavailable:
                await anyio.sleep(random.uniform(0, min(RETRY_MOST_S, 0.1 * 2**failures)))  # noqa: S311 - as above
                failures += 1
        for event in page:
            self._perform(self._channel.history(Send(event.text, event.id)))
            await self._outbox.room()
        self._perform(self._channel.history_ended())

    async def _review(self, action: GiveReview) -> None:
        review = action.review
        try:
            given = await self._shared.reviews.give(
                self._meeting, review.key, review.anomaly, review.decision, review.note, action.by
            )
        except RemoteFault as fault:
            self._perform(self._channel.review_failed(review.key, fault))
        else:
            self._perform(self._channel.reviewed(Send(given.event.text, given.event.id), given.repeated))
