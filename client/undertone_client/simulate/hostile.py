"""Sockets that send rubbish, or ask for what is not theirs, in the same meetings as everybody else.

Each sort knows the close codes that answer it; anything else, or the one thing it asked for, is a violation.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, Literal

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.typing import Subprotocol

from undertone.core.errors import (
    BadAudio,
    BadMessage,
    Draining,
    Forbidden,
    NotFound,
    Overloaded,
    Unauthorized,
    Unavailable,
    UnsupportedVersion,
)
from undertone.core.messages import CHANNEL_PROTOCOL, MAX_MESSAGE_BYTES, STREAM_PROTOCOL
from undertone.core.requests import MeetingCreated
from undertone_client.connection.address import proxy_for, socket_url
from undertone_client.simulate.service import Service
from undertone_client.simulate.speaker import now_ms

ANSWERED_WITHIN_S: Final = 20.0
INVALID_TEXT: Final = 1007  # RFC 6455 section 7.4.1, as the next
TOO_LARGE: Final = 1009
BROKEN: Final = 1006
# All that a server's being away may do to a socket: the line breaks, or a node says that it can't now. To say nothing
# at all is no answer, whoever was struck.
LINE_BROKE: Final = frozenset(
    {BROKEN, 1001, 1012, Draining.close, Overloaded.close, Unavailable.close}
    | {502, 503, 504}  # over HTTP, of a balancer too
)


@dataclass(frozen=True, slots=True)
class Ask:
    """What a hostile socket may use: its meeting, another one's admin id, and a candidate's token of its own."""

    meeting: MeetingCreated
    others_admin: str
    token: str
    random: Random


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort of rubbish: what it is, where it goes, and the close codes (of `http`: statuses) that answer it."""

    name: str
    path: Literal["/stream", "/channel", "http"]
    codes: frozenset[int]
    theirs: bool = False  # it asks for what is somebody else's (and not only nonsense)


def _sort(name: str, path: Literal["/stream", "/channel"], *codes: int, theirs: bool = False) -> Sort:
    return Sort(name, path, frozenset(codes), theirs)


ANOTHERS: Final = _sort("another meeting's admin id", "/channel", Unauthorized.close, Forbidden.close, theirs=True)
SORTS: Final = (
    _sort("text that is no JSON", "/stream", BadMessage.close),
    _sort("brackets ten thousand deep", "/channel", BadMessage.close),
    _sort("audio before hello", "/stream", BadMessage.close),
    _sort("a subprotocol from the future", "/stream", UnsupportedVersion.close),
    _sort("bytes that are no UTF-8", "/channel", INVALID_TEXT),
    _sort("a message larger than allowed", "/stream", TOO_LARGE),
    _sort("noise instead of MP3", "/stream", BadAudio.close),
    _sort("a gap that goes back", "/stream", BadMessage.close),
    _sort("finish twice", "/stream", BadMessage.close, 1000),
    _sort("an unknown meeting", "/channel", NotFound.close),
    _sort("a forged token", "/stream", Unauthorized.close, theirs=True),
    _sort("a candidate's token on the proctors' channel", "/channel", Forbidden.close, theirs=True),
    _sort("the join secret as admin id", "/channel", Unauthorized.close, Forbidden.close, theirs=True),
    ANOTHERS,
    _sort("a stream of nobody", "/stream", NotFound.close),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """How a hostile socket was answered."""

    sort: Sort
    code: int
    said: str  # the code of the `error` before the close, if any
    read: str = ""  # what it was told that it must not be
    participant: str = ""  # who it was
    server: str = ""
    from_ms: int = 0  # by the monotonic clock, as the next
    to_ms: int = 0

    def fault(self, struck: bool) -> str | None:
        """What is wrong with the answer. `struck`: its server was away meanwhile, so a line may break here too."""
        if self.read:
            return f"{self.sort.name}: was told {self.read[:100]}"
        if self.code in self.sort.codes or (struck and self.code in LINE_BROKE):
            return None
        wanted = " or ".join(map(str, sorted(self.sort.codes)))
        return f"{self.sort.name}: answered by {self.code} {self.said}".rstrip() + f" instead of {wanted}"


async def send(service: Service, sort: Sort, meetings: Sequence[MeetingCreated], random: Random) -> Answer:
    """One hostile socket, from its opening to its end."""
    meeting = random.choice(meetings)
    others = [each for each in meetings if each is not meeting]
    ticket = await service.call(lambda node: node.join(meeting.data.id, "Mallory", meeting.join_secret))
    async with contextlib.AsyncExitStack() as stack:
        if sort is ANOTHERS and not others:
            others.append(await stack.enter_async_context(next_door(service)))
        ask = Ask(meeting, random.choice(others).admin_id if others else "", ticket.token, random)
        server = random.choice(service.servers)
        from_ms = now_ms()
        answer = await _connect(server, sort, ask)
    return replace(answer, participant=ticket.id, server=server, from_ms=from_ms, to_ms=now_ms())


@contextlib.asynccontextmanager
async def next_door(service: Service) -> AsyncIterator[MeetingCreated]:
    """A second meeting, for as long as somebody pretends to be of it."""
    meeting = await service.call(lambda node: node.create("undertone simulate, next door"))
    try:
        yield meeting
    finally:
        await service.call(lambda node: node.end(meeting.data.id, meeting.admin_id))


async def _connect(server: str, sort: Sort, ask: Ask) -> Answer:
    protocol = STREAM_PROTOCOL if sort.path == "/stream" else CHANNEL_PROTOCOL
    if sort.name == "a subprotocol from the future":
        protocol = "undertone.stream.v9"
    try:
        async with (
            asyncio.timeout(ANSWERED_WITHIN_S),
            connect(
                socket_url(server, sort.path),
                subprotocols=[Subprotocol(protocol)],
                compression=None,
                proxy=proxy_for(server),
            ) as socket,
        ):
            return await _hear(socket, sort, ask)
    except TimeoutError:
        return Answer(sort, 0, f"nothing within {ANSWERED_WITHIN_S:.0f} s")
    except (OSError, WebSocketException) as error:
        return Answer(sort, BROKEN, str(error))


async def _hear(socket: ClientConnection, sort: Sort, ask: Ask) -> Answer:
    said = read = ""
    # One that is closed before it has said everything was told why all the same.
    with contextlib.suppress(ConnectionClosed):
        await _say(socket, sort, ask)
    try:
        while True:
            text = await socket.recv()
            message: dict[str, Any] = msgspec.json.decode(text)
            if message.get("type") == "error":
                said = str(message.get("code", ""))
            elif sort.theirs:
                read = str(message)
    except ConnectionClosed as closed:
        return Answer(sort, closed.rcvd.code if closed.rcvd else BROKEN, said, read)


async def _say(socket: ClientConnection, sort: Sort, ask: Ask) -> None:
    stream_hello = {"type": "hello", "token": ask.token}
    match sort.name:
        case "text that is no JSON":
            await socket.send("\\x00\ufffd" + "".join(ask.random.choices('{}[]":,x0', k=200)))
        case "brackets ten thousand deep":
            await socket.send("[" * 10_000)
        case "audio before hello":
            await socket.send(ask.random.randbytes(1000))
        case "a subprotocol from the future":
            await _tell(socket, stream_hello)
        case "bytes that are no UTF-8":
            await socket.send(b"\xff\xfe\xc0", text=True)
        case "a message larger than allowed":
            await _tell(socket, stream_hello)
            await socket.recv()
            await socket.send(bytes(MAX_MESSAGE_BYTES + 1))
        case "noise instead of MP3":
            await _tell(socket, stream_hello)
            await socket.recv()
            for _ in range(3):
                await socket.send(bytes(50_000))
        case "a gap that goes back":
            await _tell(socket, stream_hello)
            await socket.recv()
            await _tell(socket, {"type": "gap", "offset": 1000, "lost_ms": 500})
            await _tell(socket, {"type": "gap", "offset": 10, "lost_ms": 5000})
        case "finish twice":
            await _tell(socket, stream_hello)
            await socket.recv()
            await _tell(socket, {"type": "finish"})
            await _tell(socket, {"type": "finish"})
        case "an unknown meeting":
            await _tell(socket, {"type": "hello", "meeting": "nowhere", "admin_id": ask.meeting.admin_id})
        case "a forged token":
            head, _, signature = ask.token.rpartition(".")
            await _tell(socket, {"type": "hello", "token": f"{head}.{signature[::-1]}"})
        case "a candidate's token on the proctors' channel":
            await _tell(socket, {"type": "hello", "meeting": ask.meeting.data.id, "token": ask.token})
        case "the join secret as admin id":
            secret = ask.meeting.join_secret
            await _tell(socket, {"type": "hello", "meeting": ask.meeting.data.id, "admin_id": secret})
        case "another meeting's admin id":
            await _tell(socket, {"type": "hello", "meeting": ask.meeting.data.id, "admin_id": ask.others_admin})
        case "a stream of nobody":
            await _tell(socket, {**stream_hello, "stream": 7})
        case _:
            raise AssertionError(sort.name)


async def _tell(socket: ClientConnection, message: Mapping[str, object]) -> None:
    await socket.send(msgspec.json.encode(message).decode())
