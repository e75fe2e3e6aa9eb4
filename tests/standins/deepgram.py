"""Deepgram's pre-recorded API, as documented: keys, queries, errors, the whole shape of an answer.

https://developers.deepgram.com/reference/speech-to-text/listen-pre-recorded, …/docs/diarization, …/docs/errors,
…/guides/fundamentals/authenticating. What is said in it is up to the test.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.standins.serving import Behaving, serving

KEY: Final = "dg_0123456789abcdef0123456789abcdef"
# May transcribe, and ask for nothing else.
NARROW_KEY: Final = "dg_narrow"
_REQUEST_ID: Final = "6d5a9b3e-2f0c-4d7e-9c55-6f2f5a1f0b77"
_MODELS: Final = {"nova-3", "nova-2", "enhanced", "base"}
_PARAMETERS: Final = {
    *("model", "diarize", "diarize_model", "utterances", "mip_opt_out", "language", "punctuate", "smart_format"),
}
_WORD_S: Final = 0.3

# Who speaks: start, end in seconds from the clip's start, speaker, confidence or None.
Said = tuple[float, float, int | None, float | None]


@dataclass
class Asked:
    """A request to transcribe, as it came."""

    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass
class Deepgram(Behaving):
    """`said` is what is heard in every clip; `asked` what was sent."""

    said: Sequence[Said] = ()
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    def __post_init__(self) -> None:
        super().__init__()
        self.url = ""

    @property
    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/listen", self._listen, methods=["POST"]),
                Route("/v1/auth/token", self._token, methods=["GET"]),
            ],
            exception_handlers={404: lambda *_: error(404, "NOT_FOUND", "No such endpoint.")},
        )

    async def _listen(self, request: Request) -> Response:
        query, body = dict(request.query_params), await request.body()
        self.asked.append(Asked(query, request.headers, body))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self.misbehave(request) or _refusal(request, body) or self._heard(query)
        finally:
            self.at_once -= 1

    async def _token(self, request: Request) -> Response:
        misbehaviour = await self.misbehave(request)
        if misbehaviour is not None:
            return misbehaviour
        if _key(request) == NARROW_KEY:
            return error(401, "INSUFFICIENT_PERMISSIONS", "User does not have sufficient permissions.")
        return _unknown_key(request) or _json(200, {"api_key_id": _REQUEST_ID, "scopes": ["usage:write"]})

    def _heard(self, query: Mapping[str, str]) -> Response:
        diarized = "diarize_model" in query or query.get("diarize") == "true"
        return _json(200, transcript(self.said if diarized else [(a, b, None, None) for a, b, _, _ in self.said]))


def _refusal(request: Request, body: bytes) -> Response | None:
    """What Deepgram rejects."""
    query = request.query_params
    if (refused := _unknown_key(request)) is not None:
        return refused
    if "diarize" in query and "diarize_model" in query:
        return error(400, "INVALID_QUERY_PARAMETER", "`diarize` and `diarize_model` cannot both be set.")
    if unknown := set(query) - _PARAMETERS:
        return error(400, "INVALID_QUERY_PARAMETER", f"Failed to deserialize query parameters: {sorted(unknown)}")
    if query.get("diarize_model", "latest") not in {"latest", "v1", "v2"}:
        return error(400, "INVALID_QUERY_PARAMETER", "Failed to deserialize query parameters: unknown diarize_model")
    if query.get("model") not in _MODELS:
        return error(400, "Bad Request", "Bad Request: No such model/language/tier combination found.")
    if not body or body[0] != 0xFF or not request.headers.get("Content-Type", "").startswith("audio/"):
        return error(400, "Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data")
    return None


def _key(request: Request) -> str:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    return key if kind == "Token" else ""


def _unknown_key(request: Request) -> Response | None:
    return None if _key(request) in (KEY, NARROW_KEY) else error(401, "INVALID_AUTH", "Invalid credentials.")


def error(status: int, code: str, message: str) -> Response:
    """As they all look."""
    return Response(error_body(code, message), status, media_type="application/json")


def error_body(code: str, message: str) -> bytes:
    return orjson.dumps({"err_code": code, "err_msg": message, "request_id": _REQUEST_ID})


def transcript(said: Sequence[Said]) -> dict[str, Any]:
    """A whole answer, word for word of what was said."""
    words = [word for each in said for word in _words(*each)]
    text = " ".join(word["word"] for word in words)
    alternatives = [{"transcript": text, "confidence": 0.98, "words": words}]
    return {
        "metadata": {
            "transaction_key": "deprecated",
            "request_id": _REQUEST_ID,
            "sha256": "0" * 64,
            "created": "2026-05-20T08:00:00.000Z",
            "duration": 60.05,
            "channels": 1,
            "models": [_REQUEST_ID],
            "model_info": {_REQUEST_ID: {"name": "general-nova-3", "version": "2026-01-01.0", "arch": "nova-3"}},
        },
        "results": {
            "channels": [{"alternatives": alternatives}],
            "utterances": [
                {
                    "start": start,
                    "end": end,
                    "confidence": 0.98,
                    "channel": 0,
                    "transcript": " ".join(word["word"] for word in _words(start, end, speaker, sure)),
                    "words": _words(start, end, speaker, sure),
                    "speaker": speaker,
                    "id": _REQUEST_ID,
                }
                for start, end, speaker, sure in said
            ],
        },
    }


def _words(start: float, end: float, speaker: int | None, sure: float | None) -> list[dict[str, Any]]:
    """As many as fit, without a pause."""
    count = max(1, round((end - start) / _WORD_S))
    edges = [start + (end - start) * place / count for place in range(count + 1)]
    known: dict[str, Any] = {} if speaker is None else {"speaker": speaker}
    if sure is not None:
        known["speaker_confidence"] = sure
    return [
        {"word": f"word{place}", "start": a, "end": b, "confidence": 0.98, **known}
        for place, (a, b) in enumerate(itertools.pairwise(edges))
    ]


def _json(status: int, body: Any) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")


@contextlib.contextmanager
def deepgram() -> Iterator[Deepgram]:
    """A Deepgram that hears nothing until it is told what."""
    standin = Deepgram()
    with serving(standin.app) as url:
        standin.url = url
        yield standin
