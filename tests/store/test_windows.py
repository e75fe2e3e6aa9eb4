"""The queue: who may analyse what, and in which order."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator

import anyio
import pytest

from tests.store.exam import ONE_VOICE, Exam, open_exam
from undertone.store.windows import MOST_ATTEMPTS, Claimed, Windows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def exam(database_url: str) -> AsyncIterator[Exam]:
    async with open_exam(database_url) as exam:
        yield exam


@pytest.fixture
def windows(exam: Exam) -> Windows:
    return Windows(exam.database, exam.moved.append)


def named(claims: list[Claimed]) -> list[tuple[str, int, int]]:
    return [(each.participant, each.stream, each.number) for each in claims]


async def only(windows: Windows, worker: str = "w") -> Claimed:
    (claimed,) = await windows.claim(worker, 1)
    return claimed


async def test_a_claim_says_all_that_analysis_needs(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    clip = await exam.window(0, sample_rate=44_100, samples=2_646_000, lead_in_samples=2_304)
    claimed = await only(windows)
    assert (claimed.meeting, claimed.participant, claimed.name) == ("m", "ada", "Ada")
    assert (claimed.stream, claimed.number, claimed.object_name) == (1, 0, clip)
    assert (claimed.sample_rate, claimed.samples, claimed.lead_in_samples) == (44_100, 2_646_000, 2_304)
    assert (claimed.lease, claimed.attempts, claimed.profile) == (1, 1, None)


async def test_nothing_waits_nothing_is_claimed(exam: Exam, windows: Windows) -> None:
    assert await windows.claim("w", 5) == []
    await exam.candidate()
    assert await windows.claim("w", 5) == []


async def test_the_windows_of_a_participant_come_in_order_and_one_at_a_time(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    for stream, number in [(2, 1), (1, 10), (2, 0), (1, 2)]:
        await exam.window(number, stream=stream)
    order = []
    while claims := await windows.claim("w", 5):
        assert await windows.claim("another", 5) == []
        order += named(claims)
        assert await windows.judge(claims[0], ONE_VOICE)
    assert order == [("ada", 1, 2), ("ada", 1, 10), ("ada", 2, 0), ("ada", 2, 1)]


async def test_an_earlier_window_that_comes_late_waits_for_the_one_in_hand(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    await exam.window(0, stream=2)
    held = await only(windows)
    await exam.window(7, stream=1)
    await exam.candidate("bob")
    await exam.window(0, "bob")
    assert named(await windows.claim("w", 5)) == [("bob", 1, 0)]
    await windows.judge(held, ONE_VOICE)
    assert named(await windows.claim("w", 5)) == [("ada", 1, 7)]


async def test_the_profile_goes_from_window_to_window(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    await exam.window(0)
    await exam.window(1)
    await windows.judge(await only(windows), ONE_VOICE)
    assert (await only(windows)).profile == b"voice"


async def test_where_no_profile_is_to_be_kept_none_is_handed_on_and_the_old_one_goes(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, keep_profiles=False)
    await exam.candidate()
    await exam.sql("update participants set profile = 'voice'")
    await exam.window(0)
    claimed = await only(windows)
    assert claimed.profile is None
    await windows.judge(claimed, ONE_VOICE)
    assert await exam.value("select profile from participants") is None


async def test_where_several_voices_are_expected_nobodys_is_learned(exam: Exam, windows: Windows) -> None:
    await exam.candidate(expected_voices=2)
    await exam.window(0)
    await windows.judge(await only(windows), ONE_VOICE)
    assert await exam.value("select profile from participants") is None


async def test_a_profile_that_was_forgotten_meanwhile_stays_forgotten(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    await exam.sql("update participants set profile = 'voice of somebody else'")
    await exam.window(0)
    claimed = await only(windows)
    await exam.sql("update participants set profile = null")
    await windows.judge(claimed, ONE_VOICE)
    assert await exam.value("select profile from participants") is None


async def test_a_small_meeting_does_not_wait_for_a_large_one(exam: Exam, windows: Windows) -> None:
    for number in range(200):
        await exam.candidate(f"p{number:03}", "large")
        await exam.window(0, f"p{number:03}", "large")
    for participant in ("ada", "bob"):
        await exam.candidate(participant, "small")
        await exam.window(0, participant, "small")
    order = []
    for _ in range(4):
        claimed = await only(windows)
        await windows.judge(claimed, ONE_VOICE)
        order.append(claimed.meeting)
    assert order == ["large", "small", "large", "small"]


async def test_a_participant_does_not_wait_for_one_with_much_to_judge(exam: Exam, windows: Windows) -> None:
    for participant, waiting in [("busy", 30), ("calm", 2), ("dora", 2)]:
        await exam.candidate(participant)
        for number in range(waiting):
            await exam.window(number, participant)
    order = []
    for _ in range(7):
        claimed = await only(windows)
        await windows.judge(claimed, ONE_VOICE)
        order.append(claimed.participant)
    assert order == ["busy", "calm", "dora", "busy", "calm", "dora", "busy"]


async def test_a_claim_for_many_takes_from_every_meeting_in_turn(exam: Exam, windows: Windows) -> None:
    for meeting in ("a", "b", "c"):
        for participant in ("p", "q"):
            await exam.candidate(participant, meeting)
            await exam.window(0, participant, meeting)
    claims = await windows.claim("w", 4)
    assert [each.meeting for each in claims] == ["a", "b", "c", "a"]
    assert [each.meeting for each in await windows.claim("w", 4)] == ["b", "c"]


async def test_many_claimers_at_once_never_get_the_same_window(exam: Exam) -> None:
    for meeting in ("a", "b"):
        for number in range(20):
            await exam.candidate(f"p{number}", meeting)
            for window in range(3):
                await exam.window(window, f"p{number}", meeting)
    claimed: Counter[tuple[str, str, int]] = Counter()
    held: set[tuple[str, str]] = set()

    async def work(name: str) -> None:
        windows = Windows(exam.database, exam.moved.append)
        misses = 0
        while misses < 20:
            claims = await windows.claim(name, 2)
            misses = 0 if claims else misses + 1
            for each in claims:
                assert (each.meeting, each.participant) not in held
                held.add((each.meeting, each.participant))
                claimed[each.meeting, each.participant, each.number] += 1
            await anyio.sleep(0.001)
            for each in claims:
                held.remove((each.meeting, each.participant))
                assert await windows.judge(each, ONE_VOICE)

    async with anyio.create_task_group() as workers:
        for number in range(8):
            workers.start_soon(work, f"w{number}")
    assert len(claimed) == 2 * 20 * 3
    assert set(claimed.values()) == {1}


async def test_a_lease_that_ran_out_is_claimed_again_and_the_old_one_is_void(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, lease_s=0.1)
    await exam.candidate()
    await exam.window(0)
    stale = await only(windows)
    assert await windows.claim("another", 1) == []
    await anyio.sleep(0.15)
    fresh = await only(windows, "another")
    assert (fresh.lease, fresh.attempts) == (2, 2)
    assert not await windows.renew(stale)
    assert not await windows.judge(stale, ONE_VOICE)
    assert not await windows.failed(stale, "never mind")
    await windows.release(stale)
    assert (await exam.row())["outcome"] is None
    assert await exam.kinds() == []
    assert await windows.judge(fresh, ONE_VOICE)
    assert await exam.kinds() == ["window_judged"]


async def test_a_lease_that_ran_out_unnoticed_still_ends_the_window(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, lease_s=0.05)
    await exam.candidate()
    await exam.window(0)
    claimed = await only(windows)
    await anyio.sleep(0.1)
    assert await windows.judge(claimed, ONE_VOICE)
    assert await windows.claim("another", 1) == []


async def test_a_renewed_lease_holds(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, lease_s=0.3)
    await exam.candidate()
    await exam.window(0)
    claimed = await only(windows)
    for _ in range(4):
        await anyio.sleep(0.1)
        assert await windows.renew(claimed)
        assert await windows.claim("another", 1) == []


async def test_a_window_given_back_is_claimed_again_as_if_never_tried(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    await exam.window(0)
    for _ in range(MOST_ATTEMPTS + 2):
        claimed = await only(windows)
        assert claimed.attempts == 1
        await windows.release(claimed)


async def test_a_window_put_off_waits_and_so_do_those_behind_it(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    await exam.window(0)
    await exam.window(1)
    await windows.release(await only(windows), delay_s=0.2)
    assert await windows.claim("w", 2) == []
    await anyio.sleep(0.25)
    assert named(await windows.claim("w", 2)) == [("ada", 1, 0)]


async def test_a_window_is_put_off_for_half_an_hour_at_most(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    await exam.window(0)
    await exam.sql("update windows set stored_at = now() - interval '29 minutes'")
    for _ in range(MOST_ATTEMPTS + 2):
        claimed = await only(windows)
        assert claimed.attempts == 1
        assert await windows.put_off(claimed, 0.0)
    stale, claimed = claimed, await only(windows)
    assert not await windows.put_off(stale, 0.0), "somebody else's"
    await exam.sql("update windows set stored_at = now() - interval '31 minutes'")
    assert not await windows.put_off(claimed, 0.0)
    row = await exam.row()
    assert (row["attempts"], row["leased_by"]) == (1, "w")


async def test_three_failures_end_a_window_visibly_and_its_clip_stays(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, retry_s=0.02)
    await exam.candidate()
    await exam.window(0)
    await exam.window(1)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        claimed = await only(windows)
        assert (claimed.number, claimed.attempts) == (0, attempt)
        assert await exam.kinds() == []
        assert await windows.failed(claimed, "no frame could be decoded")
        await anyio.sleep(0.02 * attempt)
    (event,) = await exam.events()
    assert event["kind"] == "window_judged"
    assert (event["outcome"], event["reason"]) == ("failed", "no frame could be decoded")
    assert (event["voices"], event["confidence"]) == (0, 0.0)
    row = await exam.row()
    assert row["outcome"] == "failed"
    assert row["clip"] is not None
    assert await exam.value("select count(*) from deletions") == 0
    assert await exam.value("select last_outcome from participants") == "failed"
    assert (await only(windows)).number == 1


async def test_workers_that_die_count_as_attempts(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, lease_s=0.03)
    await exam.candidate()
    await exam.window(0)
    for attempt in range(1, MOST_ATTEMPTS + 2):
        claimed = await only(windows)
        assert claimed.attempts == attempt
        await anyio.sleep(0.05)
    assert await windows.failed(claimed, "its worker died three times")
    assert (await exam.row())["outcome"] == "failed"


async def test_windows_of_a_meeting_that_was_deleted_are_nobodys(exam: Exam, windows: Windows) -> None:
    await exam.candidate()
    await exam.window(0)
    claimed = await only(windows)
    await exam.sql("delete from meetings")
    assert not await windows.renew(claimed)
    assert not await windows.judge(claimed, ONE_VOICE)
    assert not await windows.failed(claimed, "gone")
    assert exam.moved == []


async def test_claiming_skips_a_participant_whose_row_is_locked(exam: Exam, windows: Windows) -> None:
    for participant in ("ada", "bob"):
        await exam.candidate(participant)
        await exam.window(0, participant)
    async with exam.database.transaction() as tx:
        await tx.fetch_one("select from participants where participant = 'ada' for update")
        assert named(await windows.claim("w", 2)) == [("bob", 1, 0)]
    assert named(await windows.claim("w", 2)) == [("ada", 1, 0)]
