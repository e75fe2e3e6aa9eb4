"""A node, put together: the only place besides worker/ that constructs what holds something open.

Everything runs in one task group. A part that fails takes the process with it, loudly: a node that no longer listens,
or no longer looks after its candidates, must not go on looking healthy.
"""

from __future__ import annotations

import logging
import secrets as random_secrets
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import anyio
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from undertone.choices import clip_store, listener, notifier, open_lobby, shares
from undertone.config import Settings
from undertone.core.errors import MeetingEnded, NotFound, RemoteFault, Unavailable
from undertone.core.messages import STREAM_PROTOCOL
from undertone.polling import polling_routes
from undertone.process import LAST_NOTICES_SECONDS, Ending, check_patiently, connect_patiently, reach_patiently
from undertone.store.audit import Audit
from undertone.store.clips import ClipStore
from undertone.store.clock import DatabaseClock
from undertone.store.database import Database
from undertone.store.events import Events
from undertone.store.hearing import Deaf, Reach
from undertone.store.meetings import Meetings
from undertone.store.notify import Ended, Listener, Moved, Reconnected, TookOver, WasRevoked
from undertone.store.participants import Participants
from undertone.store.parts import Parts
from undertone.store.presence import Presence
from undertone.store.reviews import Reviews
from undertone.store.snapshot import Snapshot, snapshot
from undertone.store.streams import Streams
from undertone.web.auth import Authority
from undertone.web.candidates import Candidates
from undertone.web.edge import Edge
from undertone.web.evidence import EvidenceRoutes
from undertone.web.health import Health
from undertone.web.heartbeat import heartbeat, say_goodbye
from undertone.web.hub import Hub
from undertone.web.limits import CreationLimit
from undertone.web.links import Links
from undertone.web.meetings import MeetingRoutes
from undertone.web.pages import NOT_BUILT, Facts, Pages
from undertone.web.polling import PollingRoutes
from undertone.web.problems import HANDLERS, not_a_call
from undertone.web.proctor import ProctorSockets
from undertone.web.rooms import Lobby, RoomRoutes
from undertone.web.sockets import Entrance, Limits
from undertone.web.static import read_bundle
from undertone.web.tokens import Tokens, hash_secret
from undertone.work import cores, duties_of
from undertone.worker.service import Work

log: Final = logging.getLogger("undertone")

# Draining takes at most 20 s in all: most of it for telling the sockets, the rest for what they brought.
SOCKETS_WITHIN_SECONDS: Final = 14.0
WRITTEN_WITHIN_SECONDS: Final = 4.0
# How long a browser may remember that it asked before a call across origins.
CORS_SECONDS: Final = 600
# What `make bundle` builds from client/browser, and the wheel carries.
BUNDLE: Final = Path(__file__).parent / "web" / "bundle"


Part = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Node:
    """What runs: the application to serve, and how to leave."""

    app: ASGIApp
    health: Health
    entrance: Entrance
    candidates: Candidates
    analysis: Ending | None
    polling: PollingRoutes | None

    async def drain(self) -> None:
        """Not ready any more; every socket told and closed; what they brought, written; no window in hand. 18 s."""
        self.health.draining = True
        if self.polling is not None:
            self.polling.verdicts.drain()
        async with anyio.create_task_group() as tasks:
            if self.analysis is not None:
                tasks.start_soon(self.analysis.stop)
            await self.entrance.drain(SOCKETS_WITHIN_SECONDS)
            await self.candidates.settle(WRITTEN_WITHIN_SECONDS)
        await anyio.sleep(LAST_NOTICES_SECONDS)


@asynccontextmanager
async def composed(settings: Settings, url: str, secrets: Sequence[str], sockets: int) -> AsyncIterator[Node]:
    """A node that runs until the block ends. `url` is the database's; `sockets` is how many it can hold."""
    name = random_secrets.token_hex(8)
    clips = clip_store(settings)
    await check_patiently(clips)
    reach = await reach_patiently(settings, url)
    ours, candidates = shares(settings.database_connections)
    database = Database(url, max_connections=ours, pooled=reach.pooled)
    writing = Database(url, max_connections=candidates, pooled=reach.pooled)
    writing.shares_with(database)
    async with open_lobby(settings) as lobby, _open(database), _open(writing):
        try:
            async with anyio.create_task_group() as tasks:
                node, running = _assemble(settings, reach, database, writing, clips, secrets, sockets, name, lobby)
                for part in running:
                    tasks.start_soon(part)
                yield node
                tasks.cancel_scope.cancel()
        finally:
            with anyio.CancelScope(shield=True):
                await say_goodbye(database, name)


@asynccontextmanager
async def _open(database: Database) -> AsyncIterator[None]:
    await connect_patiently(database)
    try:
        yield
    finally:
        with anyio.CancelScope(shield=True):
            await database.close()


def _assemble(
    settings: Settings,
    reach: Reach,
    database: Database,
    writing: Database,
    clips: ClipStore,
    secrets: Sequence[str],
    sockets: int,
    name: str,
    lobby: Lobby,
) -> tuple[Node, list[Part]]:
    """The parts in the order in which they need each other, and what of them runs."""
    tokens, links = Tokens(secrets), Links(secrets)
    tell, heard = notifier(reach), listener(reach)
    events, reviews = Events(database, tell.moved), Reviews(database, tell.moved)
    meetings = Meetings(database, tell.moved, tell.ended, tell.proctor_revoked)
    participants = Participants(database, tell.moved, tell.revoked)
    audit, health = Audit(database), Health(database)
    api_key_hash = None if settings.api_key is None else hash_secret(settings.api_key)
    authority = Authority(tokens, meetings, participants, api_key_hash)
    entrance = Entrance(settings.origins, Limits(sockets=min(settings.max_sockets or sockets, sockets)))
    hub = Hub(events)
    parts = Parts(database, clips, tell.moved)
    candidates = Candidates(
        authority=authority,
        streams=Streams(writing, clips, tell.moved, name),
        parts=parts,
        presence=Presence(database, tell.moved, name),
        notifier=tell,
        clock=DatabaseClock(),
        node=name,
        max_speed=settings.max_speed,
    )

    async def take_snapshot(meeting: str) -> Snapshot:
        found = await snapshot(database, meeting)
        if found is None:
            raise NotFound("no such meeting")
        return found

    async def candidate_socket(websocket: WebSocket) -> None:
        await entrance.serve(websocket, STREAM_PROTOCOL, candidates.converse)

    proctors = ProctorSockets(entrance, hub, authority, events, reviews, take_snapshot)
    facts = Facts(
        version=version("undertone"),
        analysis_here=settings.workers != 0,
        database_shared=settings.database_url is not None,
        rooms=settings.rooms,
        needs_api_key=api_key_hash is not None,
        retention_days=settings.retention_days,
    )
    bundle = read_bundle(BUNDLE)
    if bundle is None:
        log.warning("%s", NOT_BUILT)
    meeting_routes = MeetingRoutes(
        meetings=meetings,
        participants=participants,
        audit=audit,
        authority=authority,
        tokens=tokens,
        lobby=lobby,
        limit=CreationLimit(settings.creates_per_minute),
        candidate_token_seconds=settings.candidate_token_seconds,
        proctor_token_seconds=settings.proctor_token_seconds,
    )
    evidence_routes = EvidenceRoutes(
        database=database,
        clips=clips,
        events=events,
        reviews=reviews,
        audit=audit,
        authority=authority,
        links=links,
        public_url=settings.public_url,
    )
    polling = polling_routes(settings, meeting_routes, evidence_routes, hub, events, writing, clips, tell.moved, name)
    app = Starlette(
        routes=[
            *Pages(bundle, facts, settings.public_url, clips.origin, lobby.reach).routes(),
            *health.routes(),
            *meeting_routes.routes(polling.entries() if polling else ()),
            *RoomRoutes(authority, lobby, CreationLimit(settings.creates_per_minute)).routes(),
            *evidence_routes.routes(),
            WebSocketRoute("/stream", candidate_socket),
            WebSocketRoute("/channel", proctors),
            Route("/stream", not_a_call),
            Route("/channel", not_a_call),
        ],
        middleware=[*_cors(settings.origins, polling.origins if polling else None), Middleware(Edge)],
        exception_handlers=HANDLERS,
    )
    app.router.redirect_slashes = False  # a slash too many is an unknown path; elsewhere there is nothing either
    # One a core, none left free: they yield to the sockets, and windows that end in one second are judged side by side.
    processes = cores() if settings.workers is None else settings.workers
    works = Work(database, clips, meetings, tell.moved, parts.flush_due, duties_of(settings, max(1, processes)))
    analysis = Ending(works.analyse) if processes else None
    running: list[Part] = [
        tell.run,
        partial(_hear, heard, hub, candidates, meetings, works, name),
        hub.run,
        candidates.run,
        partial(heartbeat, database, name),
        works.sweep,
        *([analysis.run] if analysis else []),
    ]
    return Node(app, health, entrance, candidates, analysis, polling), running


def _cors(origins: Sequence[str], matching: str | None) -> list[Middleware]:
    """For pages of the configured origins alone, and those `matching` a pattern; our own need none."""
    if not origins and matching is None:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_origin_regex=matching,
            allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "Range"],
            expose_headers=["Accept-Ranges", "Content-Range", "ETag", "Retry-After"],
            max_age=CORS_SECONDS,
        )
    ]


async def _hear(
    heard: Listener | Deaf, hub: Hub, candidates: Candidates, meetings: Meetings, works: Work, name: str
) -> None:
    """Hands what other nodes tell, and this one, to whom it concerns here."""
    async with anyio.create_task_group() as tasks:
        async for notice in heard.notices():
            match notice:
                case Moved(moved):
                    works.ring()
                    for meeting in moved:
                        hub.moved(meeting)
                case TookOver(meeting, participant, generation, node):
                    if node != name:
                        candidates.taken_over(meeting, participant, generation)
                case WasRevoked(meeting, who, "proctor"):
                    hub.revoked(meeting, who)
                case WasRevoked(meeting, who):
                    candidates.revoked(meeting, who)
                case Ended(meeting):
                    tasks.start_soon(_send_off, candidates, meetings, meeting)
                case Reconnected():
                    works.ring()
                    hub.reconnected()
                    candidates.reconnected()


async def _send_off(candidates: Candidates, meetings: Meetings, meeting: str) -> None:
    """The candidates of a meeting that has ended, or was deleted: the notice does not say which."""
    fault: RemoteFault = MeetingEnded("the meeting has ended")
    try:
        if await meetings.get(meeting) is None:
            fault = NotFound("the meeting was deleted")
    except Unavailable:
        pass  # ended in either case
    candidates.ended(meeting, fault)
