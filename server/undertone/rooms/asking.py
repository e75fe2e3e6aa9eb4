"""Asking a provider over HTTP: bounded in time, size and tries, and every way it can fail said in one sentence.

Who waits is a person: a teacher who creates a meeting, or a candidate whose exam begins. So a call has a deadline for
all its tries together, and after a failure those who join are not made to wait for the next one (`Pause`).
"""

from __future__ import annotations

import logging
import random
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final

import anyio
import httpx
import orjson

from undertone.core.errors import Unavailable
from undertone.core.times import retry_after

log: Final = logging.getLogger("undertone.rooms")

# The largest real answers are lists of presets, 2 kB each.
MAX_ANSWER_BYTES: Final = 1024 * 1024
# What a provider says of an error, as far as it is passed on.
MAX_WORDS: Final = 200
# Said by the provider before it did anything: asking again creates nothing twice.
DID_NOTHING: Final = frozenset({429, 503})
PASSING: Final = frozenset({429, 500, 502, 503, 504})
# Seconds between lines in the log of refusals: 3,000 who join are refused alike.
TOLD_EVERY: Final = 60.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a provider may take, in seconds. Tests take fractions."""

    one_try: float = 4.0
    opening: float = 10.0  # a teacher waits for a meeting
    joining: float = 5.0  # a candidate waits to be let in, and is let in without video after it
    tries: int = 3
    # Between tries, full jitter: anything up to this, doubled each time. Many nodes then don't come back together.
    backoff: float = 0.4
    # After a failure those who join are told at once for so long; a vendor's Retry-After counts up to `longest_pause`.
    pause: float = 5.0
    longest_pause: float = 60.0


@dataclass(frozen=True, slots=True)
class Call:
    """One question. `repeatable`: asked twice it does what it does once."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    repeatable: bool = True
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: an HTTP status and the JSON under it, None where there was none."""

    status: int
    body: Any
    retry_after: float | None = None


class Asking:
    """A provider's address and our connections to it. `who` is what people call it; `secrets` are never repeated."""

    def __init__(
        self,
        who: str,
        base: str,
        *,
        headers: Mapping[str, str],
        secrets: tuple[str, ...],
        words: Callable[[Any], str],
        patience: Patience,
    ) -> None:
        self.who = who
        self._secrets = secrets
        self._words = words
        self._patience = patience
        self._quiet_until = 0.0
        self._fault: Unavailable | None = None
        self._told_until = 0.0
        # Reused: a handshake takes a tenth of a second. Proxies of the environment are the operator's wish.
        self._client = httpx.AsyncClient(
            base_url=base.rstrip("/"),
            headers={"Accept": "application/json", **headers},
            timeout=patience.one_try,
            verify=_tls(),
        )

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def of_joining(self, call: Call) -> Answer:
        """As somebody joins: at once if the provider has just failed. Raises Unavailable."""
        left = self._quiet_until - anyio.current_time()
        if self._fault is not None and left > 0:
            raise Unavailable(self._fault.detail, int(left * 1000) + 1)
        try:
            answer = await self.ask(call, self._patience.joining)
        except Unavailable as fault:
            self._pause(fault)
            raise
        if self._fault is not None:
            log.info("%s answers again", self.who)
        self._fault = None
        if answer.status >= 400 and self._told_until <= anyio.current_time():
            self._told_until = anyio.current_time() + TOLD_EVERY
            log.warning("%s answered %d%s as somebody joined", self.who, answer.status, self.said(answer))
        return answer

    async def of_opening(self, call: Call) -> Answer:
        """As a meeting is created. Raises Unavailable."""
        return await self.ask(call, self._patience.opening)

    async def ask(self, call: Call, within: float) -> Answer:
        """An answer below 500 that is no 429, after some tries. Raises Unavailable."""
        fault = self._slow(within)
        try:
            with anyio.fail_after(within) as scope:
                for tried in range(1, self._patience.tries + 1):
                    try:
                        return await self._once(call)
                    except _Failed as failed:
                        fault = failed.fault
                        wait = self._wait(tried, fault)
                        too_late = anyio.current_time() + wait >= scope.deadline
                        if not failed.again or too_late or tried == self._patience.tries:
                            raise fault from failed.__cause__
                        await anyio.sleep(wait)
        except TimeoutError:
            pass
        raise fault

    def refused(self, answer: Answer, setting: str) -> Unavailable:
        """What to say of an answer from 400 up. `setting` names where our credentials are set."""
        said = self.said(answer)
        match answer.status:
            case 401:
                text = f"does not know our key (401{said}): set {setting} to one that is valid"
            case 402:
                text = f"wants to be paid first, or our quota is used up (402{said}): look at the account's plan"
            case 403:
                text = f"refuses our key, or our quota is used up (403{said}): look at its permissions and the plan"
            case status:
                text = f"answered {status}{said}"
        return Unavailable(f"{self.who} {text}", _milliseconds(answer.retry_after))

    def nonsense(self, what: str) -> Unavailable:
        """What to say of an answer that is not as documented."""
        return Unavailable(f"{self.who} answered without {what}: is its address right?")

    def said(self, answer: Answer) -> str:
        """The provider's own words of an error, ready to stand behind its status; nothing of ours in them."""
        text = " ".join(self._words(answer.body).split())
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return f", “{text[:MAX_WORDS]}”" if text else ""

    async def _once(self, call: Call) -> Answer:
        content = None if call.body is None else orjson.dumps(dict(call.body))
        headers = {**call.headers, **({} if content is None else {"Content-Type": "application/json"})}
        try:
            async with self._client.stream(call.method, call.path, content=content, headers=headers) as response:
                data = bytearray()
                async for chunk in response.aiter_bytes():
                    data += chunk
                    if len(data) > MAX_ANSWER_BYTES:
                        raise _Failed(self.nonsense("an end"), again=False)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            fault = Unavailable(f"{self.who} can't be reached: is its address right, and the network up?")
            raise _Failed(fault, again=True) from error
        except httpx.TimeoutException as error:
            raise _Failed(self._slow(self._patience.one_try), again=call.repeatable) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fault = Unavailable(f"{self.who} broke off in mid-answer")
            raise _Failed(fault, again=call.repeatable) from error
        after = retry_after(response.headers.get("Retry-After"), datetime.now(UTC))
        answer = Answer(response.status_code, _json(bytes(data)), after)
        if answer.status in PASSING:
            again = call.repeatable or answer.status in DID_NOTHING
            raise _Failed(self._passing(answer), again)
        if 300 <= answer.status < 400:
            raise _Failed(self.nonsense(f"what was asked for, but a redirection ({answer.status})"), again=False)
        return answer

    def _passing(self, answer: Answer) -> Unavailable:
        if answer.status == 429:
            text = f"{self.who} takes no more calls from our account for now (429{self.said(answer)})"
        else:
            text = f"{self.who} failed ({answer.status}{self.said(answer)})"
        return Unavailable(text, _milliseconds(answer.retry_after))

    def _slow(self, seconds: float) -> Unavailable:
        return Unavailable(f"{self.who} did not answer within {seconds:g} s")

    def _wait(self, tried: int, fault: Unavailable) -> float:
        least = (fault.retry_after_ms or 0) / 1000
        return least + random.uniform(0, self._patience.backoff * 2**tried)  # noqa: S311  # spreads, hides nothing

    def _pause(self, fault: Unavailable) -> None:
        seconds = max(self._patience.pause, (fault.retry_after_ms or 0) / 1000)
        if self._fault is None:
            log.warning("people join without video: %s", fault.detail)
        self._fault = fault
        self._quiet_until = anyio.current_time() + min(seconds, self._patience.longest_pause)


class _Failed(Exception):
    """A try that failed, and whether another one may follow."""

    def __init__(self, fault: Unavailable, again: bool) -> None:
        super().__init__(fault.detail)
        self.fault = fault
        self.again = again


@cache
def _tls() -> ssl.SSLContext:
    """What this machine trusts; reading it takes 20 ms."""
    return ssl.create_default_context()


def _json(data: bytes) -> Any:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)
