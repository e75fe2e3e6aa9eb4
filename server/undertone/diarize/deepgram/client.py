"""Deepgram over HTTP: a window's clip goes out, what it says of it comes back.

POST /v1/listen as in https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded. `diarize_model`
chooses the diarizer and turns it on; together with `diarize` a request is rejected
(https://developers.deepgram.com/docs/diarization). `mip_opt_out=true`: the audio improves no model of theirs
(https://developers.deepgram.com/docs/the-deepgram-model-improvement-partnership-program).
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import anyio
import httpx

from undertone.core.times import retry_after
from undertone.core.verdict import Diarization
from undertone.diarize.base import AnalysisError, Clip, EngineAway, EngineRefused
from undertone.diarize.deepgram import answer, retries

log = logging.getLogger(__name__)

QUERY: Final = {"model": "nova-3", "diarize_model": "latest", "utterances": "true", "mip_opt_out": "true"}
# A minute of sound is answered within a few seconds; three attempts fit into a window's 60 s.
ATTEMPT_S: Final = 20.0
# Whoever fails so often within a minute fails.
MOST_ATTEMPTS: Final = 6
# A minute of quick speech is 200 words, each twice with its utterance: 44 kB, read in 0.3 ms of the event loop, and so
# much in 2 ms (make bench ONLY=deepgram).
MOST_ANSWER_BYTES: Final = 256 * 1024
CHECK_WITHIN_S: Final = 5.0
_OK: Final = 200


class KeyRefused(Exception):
    """Deepgram does not know the key; the message says what it says."""


@dataclass(frozen=True, slots=True)
class Account:
    """Where Deepgram is and who asks. No language: the vendor's default, English."""

    url: str
    key: str
    language: str | None = None

    def __repr__(self) -> str:
        return f"Account({self.url!r})"  # never the key


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    retry_after_s: float | None


class _NoAnswer(Exception):
    """Of one attempt; says why."""


class Deepgram:
    """For one event loop; `close` it. `spread` gives numbers from 0 to 1 at random."""

    name = answer.NAME

    def __init__(
        self, account: Account, *, attempt_s: float = ATTEMPT_S, spread: Callable[[], float] = random.random
    ) -> None:
        self._account = account
        self._attempt_s = attempt_s
        self._spread = spread
        self._client: httpx.AsyncClient | None = None
        self._refusal: str | None = None  # what was said of it last

    async def diarize(self, clip: Clip, within_s: float) -> Diarization:
        """What Deepgram hears, within so many seconds, tried again where that may help.

        Raises AnalysisError; EngineAway where no answer came, EngineRefused where key, account or address are at fault,
        which is logged once.
        """
        give_up_at = anyio.current_time() + within_s
        attempts = 0
        while True:
            attempts += 1
            retry_after_s = None
            try:
                answered = await self._ask(clip.mp3, min(self._attempt_s, give_up_at - anyio.current_time()))
                if answered.status == _OK:
                    self._accepted()
                    return answer.read(answered.body, clip)
                why = self._without_key(retries.reason(answered.status, answered.body))
                if retries.refused(answered.status):
                    raise self._refused(why)
                if not retries.passes(answered.status):
                    raise AnalysisError(why)
                retry_after_s = answered.retry_after_s
            except _NoAnswer as nothing:
                why = str(nothing)
            pause = retries.pause(attempts, self._spread(), retry_after_s)
            if attempts == MOST_ATTEMPTS or anyio.current_time() + pause >= give_up_at:
                raise EngineAway(f"{why}; attempts: {attempts}")
            log.debug("%s; again in %.1f s", why, pause)
            await anyio.sleep(pause)

    async def check(self) -> None:
        """Asks whether the key is known, once. Raises KeyRefused; AnalysisError if that can't be found out now.

        GET /v1/auth/token: https://developers.deepgram.com/guides/fundamentals/authenticating ("Test Request"). A key
        that lacks the right to ask this may well transcribe.
        """
        try:
            answered = await self._request("GET", "/v1/auth/token", None, CHECK_WITHIN_S)
        except _NoAnswer as nothing:
            raise AnalysisError(str(nothing)) from None
        if answered.status in (401, 403) and retries.code(answered.body) != "INSUFFICIENT_PERMISSIONS":
            raise KeyRefused(self._without_key(retries.reason(401, answered.body)))
        if answered.status != _OK:
            raise AnalysisError(f"Deepgram answered {answered.status} when asked about the key")

    async def close(self) -> None:
        """Lets go of the connections."""
        if self._client is not None:
            client, self._client = self._client, None
            await client.aclose()

    async def _ask(self, mp3: bytes, within_s: float) -> _Answer:
        return await self._request("POST", "/v1/listen", mp3, within_s)

    async def _request(self, method: str, path: str, mp3: bytes | None, within_s: float) -> _Answer:
        try:
            with anyio.fail_after(within_s):
                return await self._requested(method, path, mp3)
        except TimeoutError:
            raise _NoAnswer(f"no answer from Deepgram within {within_s:.3g} s") from None
        except httpx.HTTPError as error:
            raise _NoAnswer(f"the line to Deepgram failed ({type(error).__name__})") from error

    async def _requested(self, method: str, path: str, mp3: bytes | None) -> _Answer:
        if self._client is None:
            # Each attempt has one deadline for all of it; how many run at once is bounded by who asks.
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
            self._client = httpx.AsyncClient(timeout=httpx.Timeout(None), limits=limits)
        # As it is: what is compressed may be longer than it looks.
        headers = {"Authorization": f"Token {self._account.key}", "Accept-Encoding": "identity"}
        query: dict[str, str] = {}
        if mp3 is not None:
            headers["Content-Type"] = "audio/mpeg"
            query = {**QUERY, **({"language": self._account.language} if self._account.language else {})}
        async with self._client.stream(
            method, self._account.url + path, params=query, headers=headers, content=mp3
        ) as response:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MOST_ANSWER_BYTES:
                    raise AnalysisError(f"Deepgram's answer is longer than {MOST_ANSWER_BYTES} bytes")
            after = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
            return _Answer(response.status_code, bytes(body), after)

    def _refused(self, why: str) -> EngineRefused:
        if self._refusal != why:
            self._refusal = why
            log.error("%s: every window fails there until that is mended (said once)", why)
        return EngineRefused(why)

    def _accepted(self) -> None:
        if self._refusal is not None:
            self._refusal = None
            log.info("Deepgram answers again")

    def _without_key(self, text: str) -> str:
        """Nobody may read the key in a reason, should some gateway repeat it."""
        return text.replace(self._account.key, "…") if self._account.key else text
