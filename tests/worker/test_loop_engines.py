"""Windows through engines over a network and through chains: a real database, real processes, Deepgram's stand-in."""

from __future__ import annotations

from collections.abc import Iterator

import anyio
import orjson
import pytest

from tests.standins.deepgram import KEY, Deepgram, Said, deepgram, error_body, transcript
from tests.standins.serving import Answers, NeverAnswers, Slowly
from tests.worker.engines import LOADER
from tests.worker.lab import Lab, until_judged
from undertone.diarize.deepgram.client import Account
from undertone.diarize.deepgram.client import Deepgram as Client
from undertone.store.windows import MOST_ATTEMPTS
from undertone.worker.analyzers import Analyzers
from undertone.worker.chains import Confirmed, InTurn
from undertone.worker.ears import Remote

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ONE: tuple[Said, ...] = ((1.0, 50.0, 0, 0.9),)
TWO: tuple[Said, ...] = ((1.0, 30.0, 0, 0.9), (32.0, 36.0, 1, 0.8))


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[Deepgram]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with deepgram() as standin:
        yield standin


@pytest.fixture
async def remote(standin: Deepgram) -> Remote:
    return Remote(Client(Account(standin.url, KEY), spread=lambda: 0.0), 4, deadline_s=60.0)


@pytest.fixture
def obedient() -> Analyzers:
    return Analyzers("obedient", 1, loader=LOADER)


def hears(said: tuple[Said, ...]) -> Answers:
    return Answers(200, orjson.dumps(transcript(said)))


async def judged(lab: Lab) -> dict[str, tuple[str, str | None, str | None]]:
    """By participant: outcome, engine, reason."""
    rows = await lab.exam.database.fetch_all("select participant, outcome, engine, reason from windows", {})
    return {row["participant"]: (row["outcome"], row["engine"], row["reason"]) for row in rows}


async def test_the_next_engine_judges_and_the_proctors_are_told_why(
    lab: Lab, standin: Deepgram, remote: Remote, obedient: Analyzers
) -> None:
    standin.always = Answers(401, error_body("INVALID_AUTH", "Invalid credentials."))
    await lab.window("two")
    await until_judged(lab, 1, lab.loop(ear=InTurn("deepgram,obedient", (remote, obedient))))
    why = "deepgram failed: Deepgram refuses this service's key (401: INVALID_AUTH, Invalid credentials.)"
    assert await judged(lab) == {"ada": ("multiple_voices", "obedient", why)}
    (event,) = [event for event in await lab.exam.events() if event["kind"] == "window_judged"]
    assert event["reason"] == why
    assert len(standin.asked) == 1


async def test_a_refused_account_fails_its_windows_visibly_and_the_log_once(
    lab: Lab, standin: Deepgram, remote: Remote, caplog: pytest.LogCaptureFixture
) -> None:
    standin.always = Answers(402, error_body("ASR_PAYMENT_REQUIRED", "No credits."))
    await lab.exam.candidate("bob")
    for participant in ("ada", "bob"):
        await lab.window("one", participant=participant)
    await lab.exam.sql("update windows set stored_at = now() - interval '31 minutes'")
    await until_judged(lab, 2, lab.loop(ear=remote))
    told = "Deepgram has no credit left for this service's account (402: ASR_PAYMENT_REQUIRED, No credits.)"
    assert await judged(lab) == dict.fromkeys(("ada", "bob"), ("failed", None, told))
    warned = [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")]
    assert [record.message.partition(":")[0] for record in warned] == [told.partition(":")[0]]


async def test_an_outage_of_the_only_engine_costs_no_window(
    lab: Lab, standin: Deepgram, remote: Remote, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("undertone.worker.loop.ENGINE_AWAY_S", 0.05)
    outage = [Answers(402, error_body("ASR_PAYMENT_REQUIRED", "No credits."))] * (MOST_ATTEMPTS + 2)
    standin.will(*outage, hears(ONE))
    await lab.window("one")
    await until_judged(lab, 1, lab.loop(ear=remote))
    assert await judged(lab) == {"ada": ("clean", "deepgram", None)}
    assert len(standin.asked) == len(outage) + 1
    assert (await lab.exam.row())["attempts"] == 1


async def test_a_slow_second_opinion_keeps_nobody_else_waiting(
    lab: Lab, standin: Deepgram, remote: Remote, obedient: Analyzers
) -> None:
    standin.always = NeverAnswers()
    for participant in ("bob", "cleo", "dan"):
        await lab.exam.candidate(participant)
    await lab.window("two")
    async with anyio.create_task_group() as tasks:
        loop = lab.loop(ear=Confirmed("obedient+deepgram", obedient, remote), drain_s=0.1)
        tasks.start_soon(loop.run)
        while not standin.asked:
            await anyio.sleep(0.02)
        for participant in ("bob", "cleo", "dan"):
            await lab.window("one", participant=participant)
        await lab.judged(3)
        tasks.cancel_scope.cancel()
    told = await judged(lab)
    assert told.pop("ada")[0] is None
    assert {outcome for outcome, *_ in told.values()} == {"clean"}


async def test_both_have_to_agree(lab: Lab, standin: Deepgram, remote: Remote, obedient: Analyzers) -> None:
    await lab.exam.candidate("bob")
    loop = lab.loop(ear=Confirmed("obedient+deepgram", obedient, remote))
    standin.will(hears(TWO), hears(ONE))
    await lab.window("two")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(loop.run)
        await lab.judged(1)
        await lab.window("two", participant="bob")
        await lab.judged(2)
        tasks.cancel_scope.cancel()
    assert await judged(lab) == {
        "ada": ("multiple_voices", "obedient+deepgram", "deepgram hears it too"),
        "bob": ("clean", "obedient+deepgram", "obedient heard 2 voices, deepgram did not"),
    }


async def test_as_many_windows_at_once_as_the_account_allows(lab: Lab, standin: Deepgram, remote: Remote) -> None:
    standin.always = NeverAnswers()
    participants = [f"candidate{number}" for number in range(6)]
    for participant in participants:
        await lab.exam.candidate(participant)
        await lab.window("one", participant=participant)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lab.loop(ear=remote, drain_s=0.1).run)
        while standin.at_once < 4:
            await anyio.sleep(0.02)
        await anyio.sleep(0.3)  # would it send more, it would have by now
        assert standin.most_at_once == 4
        tasks.cancel_scope.cancel()
    waiting = await lab.exam.value("select count(*) from windows where attempts = 0 and leased_by is null")
    assert waiting == 6  # given back, untried


async def test_a_window_is_finished_while_the_process_leaves(lab: Lab, standin: Deepgram, remote: Remote) -> None:
    standin.always = Slowly(0.3, hears(ONE))
    await lab.window("one")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lab.loop(ear=remote).run)
        while not standin.asked:
            await anyio.sleep(0.02)
        tasks.cancel_scope.cancel()
    ((outcome, *_),) = (await judged(lab)).values()
    assert outcome == "clean"
