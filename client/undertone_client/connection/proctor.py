"""A proctor's channel: every event of a meeting once, in order, and told when that was not possible."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random
from types import TracebackType
from typing import Final, Literal, Self
from uuid import uuid4

from undertone.core.errors import UndertoneError
from undertone.core.events import Anomaly, Event
from undertone.core.messages import CHANNEL_PROTOCOL, Cursor, Error, Expiring, Review
from undertone_client.connection.address import ENVIRONMENT, Dial, Proxy
from undertone_client.connection.link import Closing, Faulting, Link, Overhearing, Renew
from undertone_client.session import ChannelSession, Snapshot
from undertone_client.session.channel import Happening, ReviewGiven, ReviewRefused

# A snapshot comes in one message: 1,000 candidates of an 8-hour exam, 70 bytes a window, take 34 MB.
MAX_SIZE: Final = 64 * 1024 * 1024
# Events waiting to be taken. Beyond that the socket is no longer read, the server closes it, and it is resumed by id.
MAX_WAITING: Final = 10_000
# No close followed an `error` for so long: then it was the answer to a review.
DOUBT_S: Final = 1.0


class ReviewNotTaken(UndertoneError):
    """The server refused a review; `code` and `detail` are its own."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class ProctorChannel(Link):
    """One proctor's view of one meeting.

        async with ProctorChannel(server, meeting, admin_id=admin_id) as channel:
            show(channel.snapshot)
            async for event in channel:
                ...

    Entering waits for the first `ready`. `snapshot` is the last one told (None as long as a given cursor `after` could
    be recovered). Iterating gives every event after it, once and in order, across breaks; where the server could not go
    on from the last event, a `Snapshot` stands among the events: what was known before it is void. The credential is
    `admin_id`, or a proctor's `token` with `renew` for a fresh one. When the server has closed for good, iterating
    raises its fault. Of several servers, each connection goes to any. `dial` and the `on_…` are as in `link`.
    """

    def __init__(
        self,
        server: str | Sequence[str],
        meeting: str,
        *,
        admin_id: str | None = None,
        token: str | None = None,
        name: str | None = None,
        after: Cursor | None = None,
        renew: Renew | None = None,
        proxy: Proxy = ENVIRONMENT,
        random: Random | None = None,
        dial: Dial | None = None,
        on_close: Closing | None = None,
        on_text: Overhearing | None = None,
        on_server_fault: Faulting | None = None,
    ) -> None:
        self.session = ChannelSession(meeting, admin_id=admin_id, token=token, name=name, after=after)
        super().__init__(
            self.session,
            server,
            "/channel",
            CHANNEL_PROTOCOL,
            max_size=MAX_SIZE,
            renew=renew,
            proxy=proxy,
            random=random,
            dial=dial,
            on_close=on_close,
            on_text=on_text,
            on_server_fault=on_server_fault,
        )
        self.snapshot: Snapshot | None = None
        self._waiting: asyncio.Queue[Event | Snapshot | None] = asyncio.Queue(MAX_WAITING)
        self._joined = asyncio.Event()
        self._answers: dict[str, asyncio.Future[Anomaly]] = {}
        self._settling: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> Self:
        self._start()
        assert self._task is not None
        self._task.add_done_callback(self._wake_reader)
        joined = asyncio.create_task(self._joined.wait())
        try:
            await asyncio.wait([joined, self._task], return_when=asyncio.FIRST_COMPLETED)
            self._raise_if_over()
        except BaseException:
            await self._stop()
            raise
        finally:
            joined.cancel()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._settling is not None:
            self._settling.cancel()
        await self._stop()

    @property
    def cursor(self) -> Cursor | None:
        """The last event that arrived: resume from here with `after`."""
        return self.session.cursor

    def __aiter__(self) -> AsyncIterator[Event | Snapshot]:
        return self

    async def __anext__(self) -> Event | Snapshot:
        assert self._task is not None, "use it as an async context manager"
        while not (self._waiting.empty() and self._task.done()):
            arrived = await self._waiting.get()
            if arrived is not None:
                return arrived
        self._raise_if_over()
        raise StopAsyncIteration

    def _wake_reader(self, _: asyncio.Task[None]) -> None:
        """Nothing more will come. A full queue needs no waking: its reader looks again when it is empty."""
        if not self._waiting.full():
            self._waiting.put_nowait(None)

    async def review(
        self,
        anomaly: str,
        decision: Literal["confirmed", "dismissed", "open"],
        note: str | None = None,
        *,
        key: str | None = None,
    ) -> Anomaly:
        """Decide on an anomaly; `open` withdraws a decision. Returns the anomaly as reviewed.

        Said again after a break under the same `key` (a fresh UUID if none is given), so it counts once. Raises
        ReviewNotTaken where the server refuses it.
        """
        self._raise_if_over()
        review = Review(key=key or str(uuid4()), anomaly=anomaly, decision=decision, note=note)
        answer: asyncio.Future[Anomaly] = asyncio.get_running_loop().create_future()
        self._answers[review.key] = answer
        self.session.review(review)
        self._wake.set()
        assert self._task is not None
        try:
            either: list[asyncio.Future[Anomaly] | asyncio.Future[None]] = [answer, self._task]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                self._raise_if_over()
                raise ReviewNotTaken("closed", "the channel was left before the answer came")
            return answer.result()
        finally:
            self._answers.pop(review.key, None)
            self.session.withdraw(review.key)

    async def _arrived(self, text: str) -> None:
        for happened in self.session.receive(text):
            await self._handle(happened)

    async def _handle(self, happened: Happening) -> None:
        if isinstance(happened, Event):
            await self._waiting.put(happened)
        elif isinstance(happened, Snapshot):
            self.snapshot = happened
            if self._joined.is_set():
                await self._waiting.put(happened)
        elif isinstance(happened, (ReviewGiven, ReviewRefused)):
            self._answer(happened)
        elif isinstance(happened, Expiring):
            self.renew_soon()
        elif isinstance(happened, Error) and self.session.in_doubt:
            self._settling = asyncio.get_running_loop().call_later(DOUBT_S, self._settle)

    def _settle(self) -> None:
        for refused in self.session.settle():
            self._answer(refused)

    def _answer(self, answer: ReviewGiven | ReviewRefused) -> None:
        future = self._answers.get(answer.key)
        if future is None or future.done():
            return
        if isinstance(answer, ReviewGiven):
            future.set_result(answer.anomaly)
        else:
            future.set_exception(ReviewNotTaken(answer.error.code, answer.error.detail))

    def _is_ready(self) -> bool:
        if self.session.live:
            self._joined.set()
        return self.session.live
