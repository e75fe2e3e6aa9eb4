"""Chains of ears: who is asked when, what the verdict says of it, and how many windows they have room for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import anyio
import pytest

from undertone.core.verdict import Diarization, Outcome, Turn, judge
from undertone.diarize.base import Clip
from undertone.worker.chains import REST_S, TIMES_AWAY, Confirmed, InTurn
from undertone.worker.ears import AnalysisFailed, EngineUnusable, Remote, room

pytestmark = pytest.mark.anyio

CLIP = Clip(b"\xff", 0, 2_880_000, 48_000)


@dataclass
class Says:
    """An ear that answers at once, or when it is let."""

    name: str
    heard: Diarization | AnalysisFailed
    capacity: int = 2
    waiting: int = 0
    beyond: int = 0
    crowded: bool = False
    per_round: int = 50
    asked: list[bytes | None] = field(default_factory=list)
    let: anyio.Event | None = None

    def on_room(self, ring: Callable[[], None]) -> None: ...

    async def warm(self) -> None:
        if self.heard == UNUSABLE:
            raise EngineUnusable(f"{self.name} can't be used")

    async def close(self) -> None:
        self.asked.clear()

    async def analyse(self, clip: Clip, profile: bytes | None, expected_voices: int = 1) -> Diarization:
        self.asked.append(profile)
        if self.let is not None:
            await self.let.wait()
        if isinstance(self.heard, AnalysisFailed):
            raise self.heard
        return self.heard


def voices(engine: str, count: int, **more: object) -> Diarization:
    turns = tuple(Turn(10_000 * speaker, 10_000 * speaker + 8_000 - speaker, speaker) for speaker in range(count))
    return Diarization(turns, engine, **more)  # type: ignore[arg-type]


AWAY = AnalysisFailed("no answer from Deepgram within 20 s", away=True)
UNUSABLE = voices("sherpa", 0)


async def test_the_first_that_answers_is_the_only_one_asked() -> None:
    deepgram, local = Says("deepgram", voices("deepgram", 2)), Says("local", voices("local", 1))
    heard = await InTurn("deepgram,local", (deepgram, local)).analyse(CLIP, b"profile")
    assert (heard.engine, heard.note) == ("deepgram", None)
    assert (deepgram.asked, local.asked) == ([b"profile"], [])


async def test_the_next_one_answers_where_one_fails_and_the_verdict_says_so() -> None:
    chain = InTurn("deepgram,local", (Says("deepgram", AWAY), local := Says("local", voices("local", 2, profile=b"p"))))
    heard = await chain.analyse(CLIP, b"profile")
    assert local.asked == [b"profile"]
    verdict = judge(heard)
    assert (verdict.outcome, verdict.engine) == (Outcome.MULTIPLE_VOICES, "local")
    assert verdict.reason == "deepgram failed: no answer from Deepgram within 20 s"
    assert heard.profile == b"p"


async def test_all_that_failed_are_named() -> None:
    broken = AnalysisFailed("the analyzer process died")
    chain = InTurn("deepgram,sherpa", (Says("deepgram", AWAY), Says("sherpa", broken)))
    with pytest.raises(AnalysisFailed) as failed:
        await chain.analyse(CLIP, None)
    assert failed.value.reason == f"deepgram failed: {AWAY.reason}; sherpa failed: {broken.reason}"
    assert not failed.value.said
    assert not failed.value.away, "sherpa had the clip"


async def test_a_chain_is_away_where_all_of_it_is() -> None:
    chain = InTurn("deepgram,elsewhere", (Says("deepgram", AWAY), Says("elsewhere", AWAY)))
    for _ in range(TIMES_AWAY + 1):
        with pytest.raises(AnalysisFailed) as failed:
            await chain.analyse(CLIP, None)
        assert failed.value.away


async def test_a_failing_engine_is_logged_when_it_begins_and_when_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    deepgram = Says("deepgram", AWAY)
    chain = InTurn("deepgram,local", (deepgram, Says("local", voices("local", 1))))
    for deepgram.heard in (AWAY, AWAY, voices("deepgram", 1), voices("deepgram", 1), AWAY):
        await chain.analyse(CLIP, None)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO", "WARNING"]


async def test_an_engine_that_is_away_again_and_again_is_left_alone_for_a_while() -> None:
    deepgram, local = Says("deepgram", AWAY), Says("local", voices("local", 1))
    now = 1_000.0
    chain = InTurn("deepgram,local", (deepgram, local), clock=lambda: now)
    for _ in range(TIMES_AWAY):
        assert (await chain.analyse(CLIP, None)).note == f"deepgram failed: {AWAY.reason}"
    heard = await chain.analyse(CLIP, None)
    assert heard.note == f"deepgram was not asked, it was away: {AWAY.reason}"
    assert len(deepgram.asked) == TIMES_AWAY
    now += REST_S
    # One window asks, others do not wait for it.
    deepgram.let = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(chain.analyse, CLIP, None)
        await anyio.wait_all_tasks_blocked()
        assert (await chain.analyse(CLIP, None)).engine == "local"
        assert len(deepgram.asked) == TIMES_AWAY + 1
        deepgram.heard = voices("deepgram", 1)
        deepgram.let.set()
    assert (await chain.analyse(CLIP, None)).engine == "deepgram"


async def test_clips_that_an_engine_does_not_take_say_nothing_of_the_engine() -> None:
    deepgram = Says("deepgram", AnalysisFailed("Deepgram does not take the clip (400)"))
    chain = InTurn("deepgram,local", (deepgram, Says("local", voices("local", 1))))
    for _ in range(2 * TIMES_AWAY):
        await chain.analyse(CLIP, None)
    assert len(deepgram.asked) == 2 * TIMES_AWAY


async def test_the_last_engine_is_always_asked() -> None:
    local = Says("local", AWAY)
    chain = InTurn("deepgram,local", (Says("deepgram", AWAY), local))
    for _ in range(2 * TIMES_AWAY):
        with pytest.raises(AnalysisFailed):
            await chain.analyse(CLIP, None)
    assert len(local.asked) == 2 * TIMES_AWAY


@pytest.mark.parametrize(
    ("first", "expected", "asked"),
    [
        (voices("local", 1), 1, False),
        (voices("local", 2), 2, False),
        (voices("local", 0, silent=True), 1, False),
        (voices("local", 1, unclear="noise"), 1, False),
        (voices("local", 2), 1, True),
        (voices("local", 3), 2, True),
        (voices("local", 1, changed=0.9), 1, False),  # nobody but local could say
    ],
)
async def test_the_second_is_asked_where_the_first_would_alarm(
    first: Diarization, expected: int, *, asked: bool
) -> None:
    deepgram = Says("deepgram", voices("deepgram", 1))
    await Confirmed("local+deepgram", Says("local", first), deepgram).analyse(CLIP, b"profile", expected)
    assert bool(deepgram.asked) == asked


async def test_what_both_hear_is_an_alarm_of_both() -> None:
    local, deepgram = Says("local", voices("local", 2, second_voice=0.97)), Says("deepgram", voices("deepgram", 3))
    verdict = judge(await Confirmed("local+deepgram", local, deepgram).analyse(CLIP, None))
    assert (verdict.outcome, verdict.engine, verdict.voices) == (Outcome.MULTIPLE_VOICES, "local+deepgram", 2)
    assert (verdict.confidence, verdict.reason) == (0.97, "deepgram hears it too")


@pytest.mark.parametrize(
    ("second", "outcome"),
    [
        (voices("deepgram", 1), Outcome.CLEAN),
        (voices("deepgram", 0), Outcome.CLEAN),
        (voices("deepgram", 1, unclear="too much noise"), Outcome.UNCLEAR),
    ],
)
async def test_where_they_differ_the_second_counts(second: Diarization, outcome: Outcome) -> None:
    local, deepgram = Says("local", voices("local", 2, profile=b"known")), Says("deepgram", second)
    heard = await Confirmed("local+deepgram", local, deepgram).analyse(CLIP, None)
    verdict = judge(heard)
    assert (verdict.outcome, verdict.engine) == (outcome, "local+deepgram")
    assert verdict.reason is not None
    assert verdict.reason.endswith("local heard 2 voices, deepgram did not")
    assert heard.profile == b"known"


@pytest.mark.parametrize(
    ("first", "second", "outcome", "reason"),
    [
        (
            voices("deepgram", 2),
            voices("local", 1, changed=0.9),
            Outcome.VOICE_CHANGED,
            "deepgram heard 2 voices, local did not",
        ),
        (
            voices("sherpa", 1, changed=0.9),
            voices("local", 2),
            Outcome.MULTIPLE_VOICES,
            "sherpa heard another voice, local did not",
        ),
    ],
)
async def test_two_different_alarms_are_no_agreement(
    first: Diarization, second: Diarization, outcome: Outcome, reason: str
) -> None:
    chain = Confirmed("…+local", Says(first.engine, first), Says("local", second))
    verdict = judge(await chain.analyse(CLIP, None))
    assert (verdict.outcome, verdict.engine, verdict.reason) == (outcome, "…+local", reason)


async def test_a_second_that_is_away_again_and_again_makes_no_alarm_late() -> None:
    deepgram, now = Says("deepgram", AWAY), 1_000.0
    chain = Confirmed("local+deepgram", Says("local", voices("local", 2)), deepgram, clock=lambda: now)
    for _ in range(TIMES_AWAY):
        assert judge(await chain.analyse(CLIP, None)).reason == f"not confirmed: deepgram failed: {AWAY.reason}"
    verdict = judge(await chain.analyse(CLIP, None))
    assert (verdict.outcome, verdict.engine) == (Outcome.MULTIPLE_VOICES, "local")
    assert verdict.reason == f"not confirmed: deepgram was not asked, it was away: {AWAY.reason}"
    assert len(deepgram.asked) == TIMES_AWAY
    now += REST_S
    deepgram.heard = voices("deepgram", 2)
    for _ in range(2):
        assert judge(await chain.analyse(CLIP, None)).reason == "deepgram hears it too"
    assert len(deepgram.asked) == TIMES_AWAY + 2


class Hangs:
    """A vendor that takes clips and answers none."""

    name = "deepgram"

    async def diarize(self, clip: Clip, within_s: float) -> Diarization:
        await anyio.sleep_forever()
        raise AssertionError

    async def close(self) -> None: ...


async def test_nobody_waits_for_a_turn_without_end() -> None:
    remote = Remote(Hangs(), 1, deadline_s=0.05)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(remote.analyse, CLIP, None)
        await anyio.wait_all_tasks_blocked()
        with anyio.fail_after(30), pytest.raises(AnalysisFailed, match="deepgram was busy with other windows") as told:
            await remote.analyse(CLIP, None)
        assert told.value.away
        assert remote.waiting == 0
        tasks.cancel_scope.cancel()


async def test_an_outage_of_the_second_hides_nobody() -> None:
    chain = Confirmed("local+deepgram", Says("local", voices("local", 2)), Says("deepgram", AWAY))
    verdict = judge(await chain.analyse(CLIP, None))
    assert (verdict.outcome, verdict.engine) == (Outcome.MULTIPLE_VOICES, "local")
    assert verdict.reason == f"not confirmed: deepgram failed: {AWAY.reason}"


async def test_a_changed_voice_stands_where_the_second_knows_none() -> None:
    chain = Confirmed("local+deepgram", Says("local", voices("local", 1, changed=0.9)), Says("deepgram", AWAY))
    verdict = judge(await chain.analyse(CLIP, None))
    assert (verdict.outcome, verdict.reason) == (
        Outcome.VOICE_CHANGED,
        "not confirmed: deepgram does not know voices again",
    )


async def test_the_profile_of_the_one_that_knows_voices_is_kept() -> None:
    deepgram, local = Says("deepgram", voices("deepgram", 2)), Says("local", voices("local", 1, profile=b"known"))
    assert (await Confirmed("deepgram+local", deepgram, local).analyse(CLIP, b"before")).profile == b"known"
    assert local.asked == [b"before"]


async def test_a_term_of_two_that_fails_is_followed_by_the_next() -> None:
    pair = Confirmed("local+deepgram", Says("local", AWAY), Says("deepgram", AWAY))
    heard = await InTurn("local+deepgram,sherpa", (pair, Says("sherpa", voices("sherpa", 1)))).analyse(CLIP, None)
    assert (heard.engine, heard.note) == ("sherpa", f"local+deepgram failed: {AWAY.reason}")


async def test_an_engine_that_can_t_be_used_is_told_from_inside_a_chain() -> None:
    chain = InTurn("deepgram,sherpa", (Says("deepgram", voices("deepgram", 1)), Says("sherpa", UNUSABLE)))
    with pytest.raises(BaseExceptionGroup) as told:
        await chain.warm()
    assert told.group_contains(EngineUnusable, match="sherpa can't be used")


async def test_windows_behind_the_first_engine_make_room_and_ring() -> None:
    let, rung = anyio.Event(), []
    local = Says("local", voices("local", 1), capacity=2, per_round=2, let=let)
    chain = InTurn("deepgram,local", (Says("deepgram", AWAY, capacity=50), local))
    chain.on_room(lambda: rung.append(True))
    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(chain.analyse, CLIP, None)
        await anyio.wait_all_tasks_blocked()
        assert (chain.capacity, chain.beyond, len(rung)) == (50, 2, 2)
        # A few at once: those, too, may come to the two processes of the next.
        assert room(chain, in_hand=2) == 2
        assert room(chain, in_hand=51) == 1
        assert room(chain, in_hand=60) == 0
        let.set()
    assert (chain.beyond, room(chain, in_hand=0)) == (0, 50)


async def test_while_the_first_rests_there_is_the_room_of_the_next() -> None:
    let, now = anyio.Event(), 1_000.0
    deepgram = Says("deepgram", AWAY, capacity=50)
    local = Says("local", voices("local", 1), capacity=2, per_round=2)
    chain = InTurn("deepgram,local", (deepgram, local), clock=lambda: now)
    for _ in range(TIMES_AWAY):
        await chain.analyse(CLIP, None)
    assert (chain.capacity, chain.beyond, room(chain, in_hand=0)) == (2, 0, 2)
    now += 2 * REST_S
    assert room(chain, in_hand=0) == 2, "until it has answered"
    deepgram.let = local.let = let
    async with anyio.create_task_group() as tasks:
        for _ in range(3):  # one finds out how the first does, and keeps nobody out of the next
            tasks.start_soon(chain.analyse, CLIP, None)
        await anyio.wait_all_tasks_blocked()
        assert (chain.beyond, room(chain, in_hand=3)) == (1, 0)
        deepgram.heard = voices("deepgram", 1)
        let.set()
    assert (chain.capacity, room(chain, in_hand=0)) == (50, 50)


async def test_what_piles_up_behind_keeps_the_rest_out() -> None:
    local = Says("local", voices("local", 1), capacity=2, waiting=1)
    chain = InTurn("deepgram,local", (Says("deepgram", AWAY, capacity=50), local))
    assert room(chain, in_hand=3) == 47
    local.waiting = 2
    assert room(chain, in_hand=3) == 0
    outer = InTurn("…", (chain, Says("sherpa", voices("sherpa", 1))))
    assert room(outer, in_hand=0) == 0
