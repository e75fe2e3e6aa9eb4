"""What sweepers find in the database, and that many of them at once do no harm."""

from __future__ import annotations

from collections.abc import AsyncIterator

import anyio
import msgspec
import pytest

from tests.store.exam import ONE_VOICE, Exam, open_exam
from undertone.core.events import CandidateMoved
from undertone.store.clips import clip_object, part_object
from undertone.store.events import NewEvent, append
from undertone.store.sweeps import BATCH, Candidate, Sweeps
from undertone.store.windows import Windows

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.fixture
async def exam(database_url: str) -> AsyncIterator[Exam]:
    async with open_exam(database_url) as exam:
        yield exam


@pytest.fixture
def sweeps(exam: Exam) -> Sweeps:
    return Sweeps(exam.database, exam.moved.append)


async def deletion(exam: Exam, name: str, due: str = "now()") -> None:
    await exam.sql(f"insert into deletions (meeting, object, due_at) values ('m', :name, {due})", name=name)


async def node(exam: Exam, name: str, silent_s: float = 0.0) -> None:
    await exam.sql(
        "insert into nodes (id, seen_at) values (:name, now() - make_interval(secs => :silent_s))",
        name=name,
        silent_s=silent_s,
    )


async def held_by(exam: Exam, node: str | None, participant: str = "ada", *, seen_s: float = 60.0) -> None:
    await exam.sql(
        "update participants set node = :node, seen_at = now() - make_interval(secs => :seen_s)"
        " where participant = :participant",
        node=node,
        seen_s=seen_s,
        participant=participant,
    )


# --- deletions


async def test_deletions_that_are_due_are_taken_once(exam: Exam, sweeps: Sweeps) -> None:
    await deletion(exam, "a")
    await deletion(exam, "b")
    await deletion(exam, "later", "now() + interval '1 minute'")
    taken = await sweeps.take_deletions()
    assert sorted((each.object, each.attempts) for each in taken) == [("a", 1), ("b", 1)]
    assert await sweeps.take_deletions() == []


async def test_a_deletion_that_was_carried_out_is_forgotten(exam: Exam, sweeps: Sweeps) -> None:
    await deletion(exam, "a")
    await deletion(exam, "b")
    taken = await sweeps.take_deletions()
    await sweeps.deleted([each for each in taken if each.object == "a"])
    assert await exam.value("select string_agg(object, ',') from deletions") == "b"


@pytest.mark.parametrize("attempts", [0, 1, 500])
async def test_a_deletion_that_failed_is_due_again_15_s_later(exam: Exam, sweeps: Sweeps, attempts: int) -> None:
    await deletion(exam, "a")
    await exam.sql("update deletions set attempts = :attempts", attempts=attempts)
    await sweeps.take_deletions()
    due_s = await exam.value("select extract(epoch from due_at - clock_timestamp()) from deletions")
    assert float(due_s) == pytest.approx(15, abs=5)


async def test_sweepers_at_once_share_the_deletions(exam: Exam, sweeps: Sweeps) -> None:
    await exam.sql("insert into deletions (meeting, object) select 'm', n from generate_series(1, 1200) n")
    taken: list[str] = []

    async def sweep() -> None:
        while due := await sweeps.take_deletions():
            assert len(due) <= BATCH
            taken.extend(each.object for each in due)

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(sweep)
    assert len(taken) == len(set(taken)) == 1200


# --- objects that nobody names


async def test_an_object_is_unnamed_if_no_row_names_it(exam: Exam, sweeps: Sweeps) -> None:
    await exam.candidate()
    window = await exam.window(0)
    clip = window.removeprefix("clips/m/").removesuffix(".mp3")
    part = part_object("m", "ada", 1)
    await exam.sql(
        "insert into parts (meeting, participant, stream, object, bytes, generation) values ('m', 'ada', 1, :o, 1, 0)",
        o=part,
    )
    waiting = clip_object("m", "to-delete")
    await deletion(exam, waiting)
    stray_clip, stray_part = clip_object("m", "stray"), part_object("m", "ada", 1)
    candidates = [
        Candidate("m", clip, window),
        Candidate("m", part.removeprefix("clips/m/"), part),
        Candidate("m", "to-delete", waiting),
        Candidate("m", "stray", stray_clip),
        Candidate("m", stray_part.removeprefix("clips/m/"), stray_part),
        Candidate("n", clip, clip_object("n", clip)),
    ]
    assert await sweeps.unnamed(candidates) == candidates[3:]


# --- candidates of nodes that are gone


async def test_candidates_of_a_silent_node_are_lost(exam: Exam, sweeps: Sweeps) -> None:
    await node(exam, "dead", 16)
    await node(exam, "alive", 10)
    for participant, state, holder in [
        ("ada", "streaming", "dead"),
        ("bob", "degraded", "unknown"),
        ("cy", "silent", "dead"),
        ("dora", "streaming", "alive"),
        ("eve", "revoked", "dead"),
        ("fay", "joined", None),
    ]:
        await exam.candidate(participant, state=state)
        await held_by(exam, holder, participant, seen_s=3600)
    assert await sweeps.lose_candidates() == 3
    events = await exam.events()
    assert [(event["kind"], event["participant"], event["stream"]) for event in events] == [
        ("candidate_lost", "ada", 1),
        ("candidate_lost", "bob", 1),
        ("candidate_lost", "cy", 1),
    ]
    assert events[0]["reason"] == "the line was lost, and the server that held it"
    rows = await exam.database.fetch_all("select participant, state, node, reason from participants order by 1")
    assert [(row["participant"], row["state"], row["node"]) for row in rows] == [
        ("ada", "lost", None),
        ("bob", "lost", None),
        ("cy", "lost", None),
        ("dora", "streaming", "alive"),
        ("eve", "revoked", None),
        ("fay", "joined", None),
    ]
    assert rows[0]["reason"] == events[0]["reason"]
    assert exam.moved == ["m"]
    # What the dead node left as parts has its time from here on.
    assert await exam.value("select seen_at > now() - interval '10 s' from participants where participant = 'ada'")
    assert await sweeps.lose_candidates() == 0


async def test_many_sweepers_lose_a_candidate_once(exam: Exam, sweeps: Sweeps) -> None:
    for number in range(20):
        for meeting in ("m", "n"):
            await exam.candidate(f"p{number}", meeting)
    await exam.sql("update participants set node = 'dead', seen_at = now()")
    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(sweeps.lose_candidates)
    assert await exam.kinds("m") == ["candidate_lost"] * 20
    assert await exam.kinds("n") == ["candidate_lost"] * 20


async def test_a_candidate_who_is_being_taken_over_is_not_lost(exam: Exam, sweeps: Sweeps) -> None:
    await exam.candidate()
    await node(exam, "alive")
    await held_by(exam, "dead")
    async with exam.database.transaction() as tx:
        await tx.fetch_one("update participants set node = 'alive', seen_at = now() returning node")
        assert await sweeps.lose_candidates() == 0
    assert await sweeps.lose_candidates() == 0
    assert await exam.value("select state from participants") == "streaming"


async def test_a_line_that_nobody_holds_is_lost_if_nobody_said_so(exam: Exam, sweeps: Sweeps) -> None:
    for participant, state, seen_s in [("ada", "streaming", 31), ("bob", "streaming", 20), ("cy", "finished", 3600)]:
        await exam.candidate(participant, state=state)
        await held_by(exam, None, participant, seen_s=seen_s)
    assert await sweeps.lose_unheld() == 1
    (event,) = await exam.events()
    assert (event["kind"], event["participant"]) == ("candidate_lost", "ada")
    assert not await exam.value("select seen_at > now() - interval '10 s' from participants where participant = 'ada'")


async def test_nodes_are_forgotten_long_after_they_went_silent(exam: Exam, sweeps: Sweeps) -> None:
    await node(exam, "long gone", 601)
    await node(exam, "just gone", 60)
    await sweeps.forget_nodes()
    assert await exam.value("select string_agg(id, ',') from nodes") == "just gone"


# --- what has had its time


async def test_an_open_meeting_without_a_stream_for_a_day_is_idle(exam: Exam, sweeps: Sweeps) -> None:
    for meeting, hours in [("idle", 25), ("busy", 23), ("ended", 25), ("held", 30)]:
        await exam.candidate(meeting=meeting)
        await exam.sql(
            "update meetings set last_stream_at = now() - make_interval(hours => :hours) where meeting = :meeting",
            hours=hours,
            meeting=meeting,
        )
    await exam.sql("update meetings set ended_at = now() where meeting = 'ended'")
    await exam.sql("update participants set node = 'alive' where meeting = 'held'")
    assert await sweeps.idle_meetings() == ["idle"]


async def test_retention_counts_from_the_end(exam: Exam, sweeps: Sweeps) -> None:
    for meeting in ("old", "young", "open"):
        await exam.meeting(meeting)
    await exam.sql("update meetings set created_at = now() - interval '90 days'")
    await exam.sql("update meetings set ended_at = now() - interval '31 days' where meeting = 'old'")
    await exam.sql("update meetings set ended_at = now() - interval '29 days' where meeting = 'young'")
    assert await sweeps.expired_meetings(30) == ["old"]


async def test_profiles_die_with_the_meeting_once_nothing_waits(exam: Exam, sweeps: Sweeps) -> None:
    windows = Windows(exam.database, exam.moved.append)
    for participant, meeting in [("ada", "ended"), ("bob", "ended"), ("cy", "open"), ("dora", "just ended")]:
        await exam.candidate(participant, meeting.replace(" ", "-"))
    await exam.window(0, "bob", "ended")
    await exam.sql("update participants set profile = 'voice'")
    await exam.sql("update meetings set ended_at = now() - interval '16 minutes' where meeting = 'ended'")
    await exam.sql("update meetings set ended_at = now() - interval '14 minutes' where meeting = 'just-ended'")
    remembered = "select string_agg(participant, ',' order by participant) from participants where profile is not null"
    assert await sweeps.forget_profiles() == 1
    assert await exam.value(remembered) == "bob,cy,dora"
    (claimed,) = await windows.claim("w", 1)
    assert claimed.profile == b"voice"
    await windows.judge(claimed, ONE_VOICE)
    assert await sweeps.forget_profiles() == 1
    assert await exam.value(remembered) == "cy,dora"


async def test_where_no_profile_is_to_be_kept_all_go_at_once(exam: Exam, sweeps: Sweeps) -> None:
    for participant in ("ada", "bob"):
        await exam.candidate(participant)
        await exam.window(0, participant)
    await exam.sql("update participants set profile = 'voice'")
    assert await sweeps.forget_profiles(everybody=True) == 2
    assert await exam.value("select count(*) from participants where profile is not null") == 0


async def test_old_events_are_trimmed_and_the_meeting_says_so(exam: Exam, sweeps: Sweeps) -> None:
    for meeting in ("m", "n"):
        await exam.meeting(meeting)
        async with exam.database.transaction() as tx:
            await append(tx, meeting, [NewEvent("candidate_lost", CandidateMoved())] * 10)
    await exam.sql("update events set at = now() - interval '91 days' where meeting = 'm' and id <= 7")
    assert await sweeps.trim_events(90) == 1
    assert await sweeps.trim_events(90) == 0
    rows = await exam.database.fetch_all("select meeting, trimmed_to, last_event from meetings order by meeting")
    assert [(row["meeting"], row["trimmed_to"], row["last_event"]) for row in rows] == [("m", 7, 10), ("n", 0, 10)]
    assert [event["id"] for event in await exam.events("m")] == [8, 9, 10]
    assert len(await exam.events("n")) == 10


async def test_trimming_everything_leaves_the_counter(exam: Exam, sweeps: Sweeps) -> None:
    await exam.meeting()
    async with exam.database.transaction() as tx:
        await append(tx, "m", [NewEvent("candidate_lost", CandidateMoved())] * (BATCH + 10))
    await exam.sql("update events set at = now() - interval '91 days'")
    while await sweeps.trim_events(90):
        pass
    assert await exam.events() == []
    row = await exam.database.fetch_one("select trimmed_to, last_event from meetings")
    assert row is not None
    assert msgspec.json.encode(dict(row.items())) == b'{"trimmed_to":510,"last_event":510}'
