"""Every row of docs/engines.md: the stand-in behaves so, and the real client does what the row says."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import anyio
import orjson
import pytest

from tests.diarize.deepgram.table import PAGE, ROWS, Row, with_table
from tests.standins.deepgram import KEY, Deepgram, Said, error_body, transcript
from tests.standins.serving import Answers, Behaviour, BreaksOff, HangsUp, NeverAnswers, Slowly
from undertone.core.verdict import Diarization, Outcome, judge
from undertone.diarize.base import AnalysisError, Clip, EngineAway, EngineRefused
from undertone.diarize.deepgram import client as module
from undertone.diarize.deepgram.client import Account
from undertone.diarize.deepgram.client import Deepgram as Client

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

# A window of 60 s behind 48 ms of lead-in, at 48 kHz.
CLIP = Clip(b"\xff\xfb\x94\xc4" + bytes(400), 2_304, 2_880_000, 48_000)
TWO: tuple[Said, ...] = ((0.048, 20.048, 0, 0.9), (22.048, 26.048, 1, 0.7), (30.048, 58.048, 0, 0.9))
QUICK_S = 0.3


def answers(said: tuple[Said, ...], change: Callable[[dict[str, Any]], object] = lambda _: None) -> Answers:
    body = transcript(said)
    change(body)
    return Answers(200, orjson.dumps(body))


def words(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body["results"]["channels"][0]["alternatives"][0]["words"]
    return found


def failing(status: int, code: str = "Error", message: str = "Please try again later", **headers: str) -> Answers:
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answers(status, error_body(code, message), said)


# How each row's Deepgram behaves: towards the next request, or ("always", …).
BEHAVIOURS: dict[str, tuple[Behaviour, ...] | Behaviour] = {
    "right": (),
    "slow": (Slowly(QUICK_S),),
    "once_late": (NeverAnswers(),),
    "never": NeverAnswers(),
    "hangs_up": (HangsUp(),),
    "breaks_off": (BreaksOff(b'{"results": {"channels": ['),),
    "not_there": (),
    "timeout": (failing(408),),
    "upload": (failing(422, "ASR_UNPROCESSABLE_ENTITY", "Unable to read the entire client request."),),
    "rate": (failing(429, "TOO_MANY_REQUESTS"),),
    "rate_after": (failing(429, "TOO_MANY_REQUESTS", Retry_After="1"),),
    "rate_long": failing(429, "TOO_MANY_REQUESTS", Retry_After="3600"),
    "rate_always": failing(429, "TOO_MANY_REQUESTS"),
    "internal": (failing(500),),
    "gateway": (Answers(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}),),
    "unavailable": Answers(503, b'{"error_code":"Service Unavailable","err_msg":"Please try again later"}'),
    "gateway_late": (failing(504),),
    "bad_request": failing(400, "Bad Request", "Bad Request: failed to process audio: corrupt or unsupported data"),
    "too_large": failing(413, "PAYLOAD_TOO_LARGE"),
    "key": failing(401, "INVALID_AUTH", "Invalid credentials."),
    "credit": failing(402, "ASR_PAYMENT_REQUIRED"),
    "model": failing(403, "INSUFFICIENT_PERMISSIONS"),
    "address": (),
    "redirect": Answers(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"}),
    "html": Answers(200, b"<html>Welcome</html>"),
    "other_json": Answers(200, b'{"results": {"channels": "none"}}'),
    "deep_json": Answers(200, b'{"results":' + b"[" * 30_000 + b"]" * 30_000 + b"}"),
    "huge": Answers(200, b'{"x":"' + b"x" * (module.MOST_ANSWER_BYTES + 1) + b'"}'),
    "compressed": Answers(200, gzip.compress(orjson.dumps(transcript(TWO))), {"Content-Encoding": "gzip"}),
    "no_alternative": answers((), lambda body: body["results"]["channels"][0].update(alternatives=[])),
    "no_words": answers(()),
    "undiarized": answers(((1.0, 30.0, None, None),)),
    "some_undiarized": answers((*TWO, (58.5, 59.5, None, None))),
    "in_part": answers(((1.0, 50.0, 0, 0.9),), lambda body: body["metadata"].update(duration=57.5)),
    "negative": answers(TWO, lambda body: words(body)[0].update(start=-0.5)),
    "beyond": answers(TWO, lambda body: words(body)[-1].update(end=7_200.0)),
    "backwards": answers(TWO, lambda body: words(body)[3].update(end=0.1)),
    "split": answers((*TWO, (58.5, 58.9, 2, 0.9))),
}


@asynccontextmanager
async def client(url: str, key: str = KEY, attempt_s: float = 20.0) -> AsyncIterator[Client]:
    asking = Client(Account(url, key), attempt_s=attempt_s, spread=lambda: 0.0)
    try:
        yield asking
    finally:
        await asking.close()


async def heard(standin: Deepgram, key: str) -> Diarization:
    url, attempt_s, within_s = standin.url, 20.0, 30.0
    behaves = BEHAVIOURS[key]
    if isinstance(behaves, tuple):
        standin.will(*behaves)
    else:
        standin.always = behaves
    match key:
        case "never":
            attempt_s, within_s = 0.2, 0.5
        case "once_late":
            attempt_s = 2.0
        case "not_there":
            url = "http://127.0.0.1:9"  # discard: nobody listens
        case "address":
            url += "/wrong"
    async with client(url, attempt_s=attempt_s) as asking:
        return await asking.diarize(CLIP, within_s)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
async def test_each_row(row: Row, standin: Deepgram) -> None:
    standin.said = TWO
    if not row.says:
        diarization = await heard(standin, row.key)
        silence = row.key in {"no_alternative", "no_words"}
        verdict = judge(diarization)
        assert (verdict.outcome, verdict.voices) == ((Outcome.CLEAN, 0) if silence else (Outcome.MULTIPLE_VOICES, 2))
        assert len(standin.asked) == row.attempts
        return
    with pytest.raises(AnalysisError) as failed:
        await heard(standin, row.key)
    assert row.says in str(failed.value)
    assert KEY not in str(failed.value)
    refused = row.key in {"key", "credit", "model", "address"}
    away = row.key in {"never", "not_there", "rate_long", "rate_always", "unavailable"}
    assert isinstance(failed.value, EngineRefused) == refused
    assert isinstance(failed.value, EngineAway) == (refused or away)
    match row.key:
        case "not_there" | "address":  # the stand-in was not asked
            assert row.attempts == 1 or f"attempts: {row.attempts}" in str(failed.value)
        case "never":  # a machine that is busy has time for fewer
            assert 1 <= len(standin.asked) <= row.attempts
        case _:
            assert len(standin.asked) == row.attempts


def test_every_row_is_played_and_the_page_shows_them() -> None:
    assert [row.key for row in ROWS] == list(BEHAVIOURS)
    page = PAGE.read_text()
    assert page == with_table(page), "run: python -m tests.diarize.deepgram.table"
    assert ROWS[-1].does in page


async def test_the_request_is_what_the_documentation_wants(standin: Deepgram) -> None:
    async with client(standin.url) as asking:
        await asking.diarize(CLIP, 30.0)
    (asked,) = standin.asked
    assert asked.query == {
        "model": "nova-3",
        "diarize_model": "latest",
        "utterances": "true",
        "mip_opt_out": "true",
    }
    assert asked.headers["Authorization"] == f"Token {KEY}"
    assert asked.headers["Content-Type"] == "audio/mpeg"
    assert asked.body == CLIP.mp3


async def test_the_language_is_said_where_it_is_set(standin: Deepgram) -> None:
    asking = Client(Account(standin.url, KEY, "ar"))
    await asking.diarize(CLIP, 30.0)
    await asking.close()
    assert standin.asked[0].query["language"] == "ar"


async def test_the_stand_in_rejects_what_deepgram_rejects(standin: Deepgram, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ({"diarize": "true"}, {"model": "nova-9"}, {"diarize_model": "v3"}, {"tier": "x"}):
        monkeypatch.setattr(module, "QUERY", {**module.QUERY, **wrong})
        async with client(standin.url) as asking:
            with pytest.raises(AnalysisError, match=r"does not take the clip \(400"):
                await asking.diarize(CLIP, 30.0)
        monkeypatch.undo()
    async with client(standin.url) as asking:
        with pytest.raises(AnalysisError, match="corrupt or unsupported data"):
            await asking.diarize(replace(CLIP, mp3=b"RIFF"), 30.0)


async def test_times_do_not_count_the_lead_in(standin: Deepgram) -> None:
    standin.said = ((0.0, 10.048, 0, None), (12.048, 15.048, 1, None))
    async with client(standin.url) as asking:
        diarization = await asking.diarize(CLIP, 30.0)
    assert [(turn.start_ms, turn.end_ms, turn.speaker) for turn in diarization.turns] == [
        (0, 10_000, 0),
        (12_000, 15_000, 1),
    ]


async def test_an_hour_asked_for_as_a_date_is_not_waited_for(standin: Deepgram) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    standin.always = Answers(503, b"", {"Retry-After": later})
    async with client(standin.url) as asking:
        with pytest.raises(AnalysisError, match="attempts: 1"):
            await asking.diarize(CLIP, 30.0)


async def test_a_refusal_is_logged_once_until_it_is_over(standin: Deepgram, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with client(standin.url) as asking:
        for _ in range(2):
            standin.always = BEHAVIOURS["credit"]  # type: ignore[assignment]
            for _ in range(3):
                with pytest.raises(EngineRefused):
                    await asking.diarize(CLIP, 30.0)
            standin.always = None
            for _ in range(2):
                await asking.diarize(CLIP, 30.0)
    told = [record for record in caplog.records if record.name.startswith("undertone")]
    assert [record.levelname for record in told] == ["ERROR", "INFO", "ERROR", "INFO"]
    assert "no credit left" in told[0].message


async def test_a_key_that_an_answer_repeats_is_not_passed_on(standin: Deepgram) -> None:
    standin.always = Answers(400, error_body("Bad Request", f"Authorization: Token {KEY}"))
    async with client(standin.url) as asking:
        with pytest.raises(AnalysisError) as failed:
            await asking.diarize(CLIP, 30.0)
    assert "Authorization: Token …" in str(failed.value)


async def test_whoever_is_cancelled_leaves_no_request_behind(standin: Deepgram) -> None:
    standin.always = NeverAnswers()
    async with client(standin.url) as asking, anyio.create_task_group() as tasks:
        tasks.start_soon(asking.diarize, CLIP, 30.0)
        with anyio.fail_after(30):
            while not standin.asked:
                await anyio.sleep(0.01)
        tasks.cancel_scope.cancel()
    standin.always = None
    async with client(standin.url) as asking:
        await asking.diarize(CLIP, 30.0)
