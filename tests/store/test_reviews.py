from __future__ import annotations

import asyncio

import msgspec
import pytest

from tests.store.house import ANN, EVIDENCE, House, as_read
from undertone.core.errors import NotFound
from undertone.core.events import Anomaly, AnomalyMoved, AnomalyState, decode_event
from undertone.store.snapshot import list_anomalies

pytestmark = pytest.mark.anyio


@pytest.fixture
async def exam(house: House) -> House:
    """With one anomaly, `a1`."""
    await house.anomaly("a1")
    return house


async def standing(house: House) -> Anomaly:
    [anomaly] = await list_anomalies(house.database, "exam")
    return as_read(anomaly)


async def test_a_decision_is_kept_and_told_with_the_whole_anomaly(exam: House) -> None:
    result = await exam.reviews.give("exam", "k1", "a1", "confirmed", "a second voice, clearly", "Paul")
    anomaly = as_read(result.anomaly)
    assert not result.repeated
    assert (anomaly.state, anomaly.participant, anomaly.evidence) == ("confirmed", ANN, [EVIDENCE])
    assert (anomaly.opened_at, anomaly.last_at) == ("2026-03-01T09:00:00.125Z", "2026-03-01T09:01:00.125Z")
    assert anomaly.review is not None
    assert (anomaly.review.decision, anomaly.review.by, anomaly.review.note) == (
        "confirmed",
        "Paul",
        "a second voice, clearly",
    )
    assert await standing(exam) == anomaly
    told = decode_event(result.event.text)
    assert (told.id, told.kind, told.participant, told.body) == (
        2,
        "anomaly_reviewed",
        ANN,
        AnomalyMoved(anomaly=anomaly),
    )
    assert exam.moved == ["exam"]


async def test_one_that_was_reviewed_grows_no_more_even_if_withdrawn(exam: House) -> None:
    await exam.reviews.give("exam", "k1", "a1", "dismissed", None, "Paul")
    await exam.reviews.give("exam", "k2", "a1", "open", None, "Paul")
    [row] = await exam.rows("select state, reviewed from anomalies")
    assert tuple(row.values()) == ("open", True)


@pytest.mark.parametrize(
    ("kind", "decision", "kept"),
    [
        ("voice_changed", "dismissed", None),
        ("voice_changed", "confirmed", b"voice"),
        ("voice_changed", "open", b"voice"),
        ("multiple_voices", "dismissed", b"voice"),
    ],
)
async def test_a_dismissed_change_of_voice_lets_the_voice_be_learned_anew(
    exam: House, kind: str, decision: AnomalyState, kept: bytes | None
) -> None:
    await exam.database.execute("update participants set profile = 'voice'")
    await exam.database.execute("update anomalies set kind = :kind", {"kind": kind})
    await exam.reviews.give("exam", "k1", "a1", decision, None, "Paul")
    profiles = await exam.rows("select distinct profile from participants where participant = 'ann'")
    assert [row["profile"] for row in profiles] == [kept]


async def test_a_repeated_dismissal_forgets_no_voice_again(exam: House) -> None:
    await exam.database.execute("update anomalies set kind = 'voice_changed'")
    await exam.reviews.give("exam", "k1", "a1", "dismissed", None, "Paul")
    await exam.database.execute("update participants set profile = 'learned anew'")
    await exam.reviews.give("exam", "k1", "a1", "dismissed", None, "Paul")
    assert {row["profile"] for row in await exam.rows("select profile from participants")} == {b"learned anew"}


async def test_a_repeat_gets_the_first_event_and_changes_nothing(exam: House) -> None:
    first = await exam.reviews.give("exam", "k1", "a1", "confirmed", "yes", "Paul")
    exam.moved.clear()
    again = await exam.reviews.give("exam", "k1", "a1", "dismissed", "no", "Rita")
    assert again.repeated
    assert again.event == first.event
    assert as_read(again.anomaly) == as_read(first.anomaly) == await standing(exam)
    assert exam.moved == []
    assert len(await exam.told()) == 2


async def test_a_key_is_one_meetings(exam: House) -> None:
    await exam.meetings.create("other", "", b"", b"", "local", {})
    await exam.participants.add("other", "ann", "Ann")
    await exam.database.execute(
        """
        insert into anomalies (meeting, anomaly, participant, kind, opened_at, last_at, count, summary, evidence)
        select 'other', anomaly, participant, kind, opened_at, last_at, count, summary, evidence from anomalies
        """
    )
    assert not (await exam.reviews.give("exam", "k1", "a1", "confirmed", None, "Paul")).repeated
    assert not (await exam.reviews.give("other", "k1", "a1", "confirmed", None, "Paul")).repeated


async def test_the_last_decision_wins_and_all_are_kept(exam: House) -> None:
    for key, decision, by in (("k1", "confirmed", "Paul"), ("k2", "dismissed", "Rita"), ("k3", "open", "Paul")):
        await exam.reviews.give("exam", key, "a1", decision, None, by)  # type: ignore[arg-type]
    anomaly = await standing(exam)
    assert anomaly.state == "open"
    assert anomaly.review is not None
    assert (anomaly.review.decision, anomaly.review.by) == ("open", "Paul")
    rows = await exam.rows("select key, decision, by, event from reviews order by event")
    assert [tuple(row.values()) for row in rows] == [
        ("k1", "confirmed", "Paul", 2),
        ("k2", "dismissed", "Rita", 3),
        ("k3", "open", "Paul", 4),
    ]


async def test_said_many_times_at_once_it_is_done_once(exam: House) -> None:
    await exam.anomaly("a2")
    asked = [exam.reviews.give("exam", "k1", f"a{1 + number % 2}", "confirmed", None, "Paul") for number in range(8)]
    results = await asyncio.gather(*asked)
    assert sum(not result.repeated for result in results) == 1
    assert len({result.event for result in results}) == 1
    assert len({result.anomaly.id for result in results}) == 1
    assert [event["kind"] for event in await exam.told()] == ["candidate_joined", "anomaly_reviewed"]


async def test_decisions_at_the_same_time_are_told_in_the_order_in_which_they_count(exam: House) -> None:
    decisions = ("confirmed", "dismissed", "open", "confirmed", "dismissed", "open")
    await asyncio.gather(
        *(
            exam.reviews.give("exam", f"k{number}", "a1", decision, None, "Paul")  # type: ignore[arg-type]
            for number, decision in enumerate(decisions)
        )
    )
    last = (await exam.told())[-1]["anomaly"]
    assert msgspec.convert(last, Anomaly) == await standing(exam)


async def test_what_an_anomaly_grew_meanwhile_is_in_the_decision(exam: House) -> None:
    async with exam.database.transaction() as verdict:
        await verdict.execute("update anomalies set count = 2, summary = 'twice' where anomaly = 'a1'")
        giving = asyncio.create_task(exam.reviews.give("exam", "k1", "a1", "confirmed", None, "Paul"))
        await asyncio.sleep(0.05)
    anomaly = (await giving).anomaly
    assert (anomaly.count, anomaly.summary) == (2, "twice")
    assert (await exam.told())[-1]["anomaly"]["count"] == 2


async def test_what_is_not_there_is_not_reviewed(exam: House) -> None:
    for meeting, anomaly in (("exam", "a9"), ("nowhere", "a1")):
        with pytest.raises(NotFound):
            await exam.reviews.give(meeting, "k1", anomaly, "confirmed", None, "Paul")
    assert exam.moved == []
    assert await exam.rows("select key from reviews") == []


async def test_a_repeat_whose_event_is_gone_says_so(exam: House) -> None:
    await exam.reviews.give("exam", "k1", "a1", "confirmed", None, "Paul")
    await exam.database.execute("delete from events")
    with pytest.raises(NotFound, match="so long ago"):
        await exam.reviews.give("exam", "k1", "a1", "confirmed", None, "Paul")
