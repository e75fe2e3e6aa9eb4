"""What a verdict does: everything in one transaction, once, and under the newest lease alone."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import anyio
import msgspec
import pytest

from tests.store.exam import NO_SOUND, NOISE, ONE_VOICE, SOMEBODY_ELSE, START, TWO_VOICES, Exam, open_exam
from undertone.core.times import rfc3339
from undertone.core.verdict import Diarization
from undertone.store.meetings import Meetings
from undertone.store.reviews import Reviews
from undertone.store.windows import Claimed, Windows

pytestmark = pytest.mark.anyio


@pytest.fixture
async def exam(database_url: str) -> AsyncIterator[Exam]:
    async with open_exam(database_url) as exam:
        await exam.candidate()
        yield exam


@pytest.fixture
def windows(exam: Exam) -> Windows:
    return Windows(exam.database, exam.moved.append)


async def judged(exam: Exam, windows: Windows, number: int, diarization: Diarization, *, stream: int = 1) -> str:
    """Stores, claims and judges one window; returns its clip's object."""
    clip = await exam.window(number, stream=stream)
    (claimed,) = await windows.claim("w", 1)
    assert (claimed.stream, claimed.number) == (stream, number)
    assert await windows.judge(claimed, diarization)
    return clip


async def anomalies(exam: Exam) -> list[tuple[str, int]]:
    rows = await exam.database.fetch_all("select kind, count from anomalies order by opened_at")
    return [(row["kind"], row["count"]) for row in rows]


@pytest.mark.parametrize(("diarization", "outcome"), [(ONE_VOICE, "clean"), (NO_SOUND, "silent")])
async def test_innocent_audio_is_to_be_deleted_with_its_verdict(
    exam: Exam, windows: Windows, diarization: Diarization, outcome: str
) -> None:
    clip = await judged(exam, windows, 0, diarization)
    row = await exam.row()
    assert (row["outcome"], row["clip"]) == (outcome, None)
    assert await exam.value("select object from deletions") == clip
    assert await exam.value("select last_outcome from participants") == outcome


@pytest.mark.parametrize(("diarization", "outcome"), [(TWO_VOICES, "multiple_voices"), (NOISE, "unclear")])
async def test_the_clip_of_what_a_person_must_judge_stays(
    exam: Exam, windows: Windows, diarization: Diarization, outcome: str
) -> None:
    clip = await judged(exam, windows, 0, diarization)
    row = await exam.row()
    assert (row["outcome"], f"clips/m/{row['clip']}.mp3") == (outcome, clip)
    assert await exam.value("select count(*) from deletions") == 0


async def test_the_row_keeps_the_whole_verdict(exam: Exam, windows: Windows) -> None:
    await judged(exam, windows, 0, TWO_VOICES)
    row = await exam.row()
    assert (row["voices"], row["other_ms"], row["speech_ms"], row["engine"]) == (2, 4_000, [30_000, 4_000], "test")
    assert row["confidence"] == pytest.approx(0.87)
    assert msgspec.json.decode(row["turns"]) == [[0, 30_000, 0], [32_000, 36_000, 1]]
    assert row["judged_at"] >= row["stored_at"]
    assert (row["leased_by"], row["leased_until"]) == (None, None)


async def test_a_verdict_is_an_event(exam: Exam, windows: Windows) -> None:
    await judged(exam, windows, 0, NOISE)
    assert await exam.events() == [
        {
            "id": 1,
            "kind": "window_judged",
            "participant": "ada",
            "name": "Ada",
            "stream": 1,
            "window": 0,
            "start_at": rfc3339(START),
            "duration_ms": 60_000,
            "outcome": "unclear",
            "voices": 0,
            "confidence": 1.0,
            "reason": "too much noise",
        }
    ]
    assert exam.moved == ["m"]


async def test_a_second_voice_opens_an_anomaly_and_the_next_window_grows_it(exam: Exam, windows: Windows) -> None:
    first = await judged(exam, windows, 0, TWO_VOICES)
    second = await judged(exam, windows, 1, TWO_VOICES)
    assert await exam.kinds() == ["window_judged", "anomaly_opened", "window_judged", "anomaly_grew"]
    _, opened, _, grew = await exam.events()
    told = opened["anomaly"]
    assert told["participant"] == {"id": "ada", "name": "Ada"}
    assert (told["kind"], told["state"], told["count"]) == ("multiple_voices", "open", 1)
    assert told["summary"] == "another voice for about 4 s at 00:32, confidence 0.87"
    (evidence,) = told["evidence"]
    assert f"clips/m/{evidence['clip']}.mp3" == first
    assert evidence["lead_in_ms"] == 48  # 2,304 samples at 48 kHz
    assert evidence["turns"] == [[0, 30_000, 0], [32_000, 36_000, 1]]
    again = grew["anomaly"]
    assert (again["id"], again["opened_at"], again["count"]) == (told["id"], told["opened_at"], 2)
    assert [f"clips/m/{each['clip']}.mp3" for each in again["evidence"]] == [first, second]
    assert await anomalies(exam) == [("multiple_voices", 2)]
    row = await exam.database.fetch_one("select summary, evidence, opened_at, last_at from anomalies")
    assert row is not None
    assert (row["summary"], msgspec.json.decode(row["evidence"])) == (again["summary"], again["evidence"])
    assert (rfc3339(row["opened_at"]), rfc3339(row["last_at"])) == (again["opened_at"], again["last_at"])
    assert await exam.value("select anomalies from participants") == 1


async def test_ten_minutes_after_its_opening_the_next_anomaly_opens(exam: Exam, windows: Windows) -> None:
    for number in (0, 9, 10, 11):
        await judged(exam, windows, number, TWO_VOICES)
    assert await anomalies(exam) == [("multiple_voices", 2), ("multiple_voices", 2)]
    assert await exam.value("select anomalies from participants") == 2


async def test_how_long_an_anomaly_stays_open_is_configured(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, anomaly_minutes=2)
    for number in (0, 1, 2):
        await judged(exam, windows, number, TWO_VOICES)
    assert await anomalies(exam) == [("multiple_voices", 2), ("multiple_voices", 1)]


async def test_what_comes_after_a_review_is_news_even_if_the_review_was_withdrawn(exam: Exam, windows: Windows) -> None:
    await judged(exam, windows, 0, TWO_VOICES)
    await exam.sql("update anomalies set reviewed = true, state = 'open'")
    await judged(exam, windows, 1, TWO_VOICES)
    assert await anomalies(exam) == [("multiple_voices", 1), ("multiple_voices", 1)]


async def test_a_review_that_is_being_given_is_waited_for(exam: Exam, windows: Windows) -> None:
    await judged(exam, windows, 0, TWO_VOICES)
    async with anyio.create_task_group() as tasks, exam.database.transaction() as tx:
        await tx.fetch_one("update anomalies set reviewed = true, state = 'dismissed' returning anomaly")
        tasks.start_soon(judged, exam, windows, 1, TWO_VOICES)
        await anyio.sleep(0.2)
        assert (await exam.row(1))["outcome"] is None
    assert await anomalies(exam) == [("multiple_voices", 1), ("multiple_voices", 1)]


async def test_each_participant_has_anomalies_of_their_own(exam: Exam, windows: Windows) -> None:
    await exam.candidate("bob")
    await judged(exam, windows, 0, TWO_VOICES)
    await exam.window(0, "bob")
    (claimed,) = await windows.claim("w", 1)
    await windows.judge(claimed, TWO_VOICES)
    assert await anomalies(exam) == [("multiple_voices", 1), ("multiple_voices", 1)]


async def test_two_workers_at_once_never_open_two(exam: Exam, windows: Windows) -> None:
    """Leases that were taken behind the queue's back: the rows' locks alone must do."""
    for number in range(8):
        await exam.window(number)
    (first,) = await windows.claim("w", 1)
    held: list[Claimed] = []
    for number in range(8):
        row = await exam.row(number)
        held.append(dataclasses.replace(first, number=number, clip=row["clip"], start_at=row["start_at"]))
    await exam.sql("update windows set lease = 1")
    async with anyio.create_task_group() as workers:
        for claimed in held:
            workers.start_soon(windows.judge, claimed, TWO_VOICES)
    assert await anomalies(exam) == [("multiple_voices", 8)]
    kinds = await exam.kinds()
    assert (kinds.count("anomaly_opened"), kinds.count("anomaly_grew")) == (1, 7)


async def test_a_verdict_said_twice_at_once_counts_once(exam: Exam, windows: Windows) -> None:
    await exam.window(0)
    (claimed,) = await windows.claim("w", 1)
    said: list[bool] = []

    async def say() -> None:
        said.append(await windows.judge(claimed, TWO_VOICES))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(say)
    assert sorted(said) == [False, False, False, False, True]
    assert await exam.kinds() == ["window_judged", "anomaly_opened"]


async def test_the_voices_expected_are_those_of_the_moment(exam: Exam, windows: Windows) -> None:
    await exam.window(0)
    (claimed,) = await windows.claim("w", 1)
    await exam.sql("update participants set expected_voices = 2")
    await windows.judge(claimed, TWO_VOICES)
    row = await exam.row()
    assert (row["outcome"], row["voices"], row["clip"]) == ("clean", 2, None)
    assert await anomalies(exam) == []


@pytest.mark.parametrize(
    ("state", "diarization", "then"),
    [
        ("streaming", NO_SOUND, "silent"),
        ("silent", NO_SOUND, "silent"),
        ("silent", ONE_VOICE, "streaming"),
        ("silent", NOISE, "streaming"),
        ("streaming", ONE_VOICE, "streaming"),
        ("degraded", NO_SOUND, "degraded"),
        ("lost", NO_SOUND, "lost"),
        ("finished", NO_SOUND, "finished"),
        ("revoked", ONE_VOICE, "revoked"),
    ],
)
async def test_silence_shows_as_the_candidates_state(
    exam: Exam, windows: Windows, state: str, diarization: Diarization, then: str
) -> None:
    await exam.sql("update participants set state = :state, reason = 'before'", state=state)
    await judged(exam, windows, 0, diarization)
    assert await exam.value("select state from participants") == then
    if state == then:
        assert await exam.kinds() == ["window_judged"]
        assert await exam.value("select reason from participants") == "before"
    else:
        reason = "nothing was heard in the last window" if then == "silent" else None
        _, event = await exam.events()
        assert (event["kind"], event["stream"], event.get("reason")) == (f"candidate_{then}", 1, reason)
        assert await exam.value("select reason from participants") == reason


async def test_a_late_window_of_an_overtaken_stream_says_nothing_of_the_candidate(exam: Exam, windows: Windows) -> None:
    await exam.sql("update participants set streams = 2")
    await judged(exam, windows, 0, NO_SOUND)
    assert await exam.value("select state from participants") == "streaming"


async def test_a_failure_says_nothing_of_the_candidate(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, retry_s=0)
    await exam.sql("update participants set state = 'silent'")
    await exam.window(0)
    for _ in range(3):
        (claimed,) = await windows.claim("w", 1)
        await windows.failed(claimed, "the analyzer died")
    assert await exam.value("select state from participants") == "silent"


async def test_a_changed_voice_is_an_anomaly_of_its_own_kind_whose_clip_stays(exam: Exam, windows: Windows) -> None:
    await judged(exam, windows, 0, TWO_VOICES)
    clip = await judged(exam, windows, 1, SOMEBODY_ELSE)
    row = await exam.row(1)
    assert (row["outcome"], row["voices"], f"clips/m/{row['clip']}.mp3") == ("voice_changed", 1, clip)
    assert await exam.kinds() == ["window_judged", "anomaly_opened", "window_judged", "anomaly_opened"]
    _, _, told, opened = await exam.events()
    assert (told["outcome"], told["confidence"]) == ("voice_changed", 0.91)
    anomaly = opened["anomaly"]
    assert (anomaly["kind"], anomaly["state"], anomaly["count"]) == ("voice_changed", "open", 1)
    assert anomaly["summary"] == ("one voice, unlike the one heard before, for about 12 s at 01:05, confidence 0.91")
    assert await exam.value("select last_outcome from participants") == "voice_changed"
    assert await anomalies(exam) == [("multiple_voices", 1), ("voice_changed", 1)]


async def test_where_two_may_speak_either_may_speak_alone(exam: Exam, windows: Windows) -> None:
    await exam.sql("update participants set expected_voices = 2")
    await judged(exam, windows, 0, SOMEBODY_ELSE)
    assert (await exam.row())["outcome"] == "clean"


async def test_an_engine_without_profiles_leaves_the_one_there_is(exam: Exam, windows: Windows) -> None:
    await judged(exam, windows, 0, ONE_VOICE)
    await judged(exam, windows, 1, NOISE)
    assert await exam.value("select profile from participants") == b"voice"


async def dismissed(exam: Exam, key: str) -> None:
    """A proctor says of the newest change of voice that it is none."""
    newest = await exam.value("select anomaly from anomalies order by opened_at desc limit 1")
    await Reviews(exam.database, exam.moved.append).give("m", key, newest, "dismissed", None, "Paul")


@pytest.mark.parametrize("heard", [SOMEBODY_ELSE, ONE_VOICE, TWO_VOICES], ids=["another", "the same", "both"])
async def test_a_dismissal_reaches_the_window_that_is_being_heard(
    exam: Exam, windows: Windows, heard: Diarization
) -> None:
    """It was compared with the voice that is forgotten: it says nothing, writes no voice back, and is heard again."""
    await judged(exam, windows, 0, ONE_VOICE)
    await judged(exam, windows, 1, SOMEBODY_ELSE)
    await exam.window(2)
    (claimed,) = await windows.claim("w", 1)
    await dismissed(exam, "k1")
    before = await exam.kinds()
    assert not await windows.judge(claimed, heard)
    assert await exam.value("select profile from participants") is None
    assert await exam.kinds() == before
    assert await anomalies(exam) == [("voice_changed", 1)]
    (again,) = await windows.claim("w", 1)
    assert (again.number, again.attempts, again.profile) == (2, 1, None)
    await dismissed(exam, "k2")  # there is nothing left to forget: the window is not put off for ever
    assert await windows.judge(again, dataclasses.replace(ONE_VOICE, profile=b"learned anew"))
    assert await exam.value("select profile from participants") == b"learned anew"
    assert not await windows.judge(claimed, heard), "under a lease that is not the newest"


async def test_a_window_that_failed_while_its_voice_was_dismissed_is_tried_as_ever(exam: Exam) -> None:
    windows = Windows(exam.database, exam.moved.append, retry_s=0)
    await judged(exam, windows, 0, SOMEBODY_ELSE)
    await exam.window(1)
    for _ in range(3):
        (claimed,) = await windows.claim("w", 1)
        await dismissed(exam, f"k{claimed.attempts}")
        assert await windows.failed(claimed, "the analyzer died")
    assert (await exam.row(1))["outcome"] == "failed"


async def test_what_an_engine_without_voices_heard_stands_whatever_is_forgotten(exam: Exam, windows: Windows) -> None:
    await judged(exam, windows, 0, SOMEBODY_ELSE)
    await exam.window(1)
    (claimed,) = await windows.claim("w", 1)
    await dismissed(exam, "k1")
    assert await windows.judge(claimed, NOISE)
    assert await exam.value("select profile from participants") is None


async def test_deleting_a_meeting_and_judging_its_windows_wait_for_each_other(exam: Exam, windows: Windows) -> None:
    """A deadlock would show as one of them told that the database is away."""
    meetings = Meetings(exam.database, exam.moved.append)
    for number in range(20):
        await exam.candidate(f"p{number}", f"m{number}")
        await exam.window(0, f"p{number}", f"m{number}")
    held = await windows.claim("w", 20)
    async with anyio.create_task_group() as tasks:
        for claimed in held:
            tasks.start_soon(windows.judge, claimed, TWO_VOICES)
            tasks.start_soon(meetings.delete, claimed.meeting)
    assert await exam.value("select string_agg(meeting, ',') from meetings") == "m"
    assert await exam.value("select count(*) from deletions") == 20
