"""A candidate's stream: hand it MP3, it gets there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from random import Random
from types import TracebackType
from typing import Final, Self

from undertone.core.messages import (
    STREAM_PROTOCOL,
    AudioFormat,
    Expiring,
    Finished,
    ToCandidate,
)
from undertone_client.connection.address import ENVIRONMENT, Dial, Proxy
from undertone_client.connection.link import Closing, Faulting, Link, Renew
from undertone_client.session import StreamSession
from undertone_client.session.outbox import KEEP_MS

# Every message to a candidate is a line of text; the longest is an `error` with its detail.
MAX_SIZE: Final = 64 * 1024


class CandidateStream(Link):
    """One recording of one candidate.

        async with CandidateStream(server, token) as stream:
            async for mp3 in microphone:
                await stream.send(mp3)
            await stream.finish()

    Lines may break, nodes may die: up to `keep_ms` of what is not yet durable is kept and sent again, and what had to
    be dropped is said to be lost. Of several servers (nodes of one service), each connection goes to any.
    `renew` gives a fresh token when the one in use ends. `proxy` is "environment" (none for loopback), an address, or
    None. `on_message` is called with each message of the server after it was taken, `on_close` with the code (1006
    where there was none) and reason of each connection that ended, `on_server_fault` with each breach of the protocol
    that ended one. `dial` says where to open the line instead.
    Leaving without `finish()` leaves the rest to whoever resumes; nobody does after this object is gone.
    """

    def __init__(
        self,
        server: str | Sequence[str],
        token: str,
        *,
        renew: Renew | None = None,
        keep_ms: int = KEEP_MS,
        audio_format: AudioFormat | None = None,
        proxy: Proxy = ENVIRONMENT,
        random: Random | None = None,
        dial: Dial | None = None,
        on_close: Closing | None = None,
        on_server_fault: Faulting | None = None,
        on_message: Callable[[ToCandidate], None] | None = None,
    ) -> None:
        self.session = StreamSession(token, keep_ms=keep_ms, audio_format=audio_format)
        super().__init__(
            self.session,
            server,
            "/stream",
            STREAM_PROTOCOL,
            max_size=MAX_SIZE,
            renew=renew,
            proxy=proxy,
            random=random,
            dial=dial,
            on_close=on_close,
            on_text=None,
            on_server_fault=on_server_fault,
        )
        self._on_message = on_message

    async def __aenter__(self) -> Self:
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    async def send(self, mp3: bytes) -> None:
        """Take what the microphone encoded, cut anywhere. Waits for nobody.

        Raises BadAudio where the server would, and the server's own fault once it has closed for good.
        """
        self._raise_if_over()
        self.session.record(mp3)
        self._wake.set()
        await asyncio.sleep(0)  # a sender that never waits would keep the line from going out

    def lose(self, lost_ms: int) -> None:
        """The microphone itself lost `lost_ms` just here."""
        self._raise_if_over()
        self.session.lose(lost_ms)
        self._wake.set()

    async def finish(self) -> Finished:
        """The recording is over: return when all of it is durable. Raises the server's fault if it closed for good."""
        self.session.finish()
        self._wake.set()
        await self._over()
        if self.session.finished is None:
            raise RuntimeError("the stream was left before it was finished")
        return self.session.finished

    async def _arrived(self, text: str) -> None:
        message = self.session.receive(text)
        if isinstance(message, Expiring):
            self.renew_soon()
        if self._on_message is not None:
            self._on_message(message)

    def _is_ready(self) -> bool:
        return self.session.open
