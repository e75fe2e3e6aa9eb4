from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from tests.store.house import House
from undertone.core.errors import BadMessage, Conflict, NotFound
from undertone.store.audit import Audit
from undertone.store.clips import clip_object

pytestmark = pytest.mark.anyio

TABLES_OF_A_MEETING = """
select c.relname as name from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'meeting'
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname <> 'deletions' order by 1
"""


async def create(house: House, *names: str) -> None:
    """One after the other, each at least a millisecond after the one before."""
    for name in names:
        await asyncio.sleep(0.002)
        await house.meetings.create(name, name.title(), b"", b"", "local", {})


async def listed(house: House, limit: int) -> list[str]:
    """Page by page."""
    names: list[str] = []
    page = await house.meetings.list(limit)
    while page.next is not None:
        assert len(page.meetings) == limit
        names += [meeting.id for meeting in page.meetings]
        page = await house.meetings.list(limit, page.next)
    return names + [meeting.id for meeting in page.meetings]


# --- creating and listing


async def test_a_meeting_is_what_was_created(house: House) -> None:
    created = await house.meetings.create("m", "Botany", b"a" * 32, b"j" * 32, "dyte", {"room": "ab:c", "n": [1]})
    assert created == await house.meetings.get("m")
    assert (created.title, created.admin_hash, created.join_hash) == ("Botany", b"a" * 32, b"j" * 32)
    assert (created.provider, created.provider_data) == ("dyte", {"room": "ab:c", "n": [1]})
    assert created.ended_at is None
    assert abs((datetime.now(UTC) - created.created_at).total_seconds()) < 60
    assert await house.meetings.get("nowhere") is None


async def test_an_id_is_given_once(house: House) -> None:
    with pytest.raises(Conflict):
        await create(house, "exam")


async def test_epochs_differ(house: House) -> None:
    await create(house, "a", "b")
    assert len({row["epoch"] for row in await house.rows("select epoch from meetings")}) == 3


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8])
async def test_the_newest_come_first_on_pages_of_any_size(house: House, limit: int) -> None:
    await create(house, "a", "b", "c", "d", "e", "f")
    await house.database.execute("update meetings set created_at = '2026-03-01' where meeting in ('b', 'c', 'd', 'e')")
    names = await listed(house, limit)
    assert names == ["f", "a", "exam", "b", "c", "d", "e"]


async def test_pages_hold_though_meetings_come_and_go(house: House) -> None:
    await create(house, "a", "b", "c")
    page = await house.meetings.list(2)
    assert [meeting.id for meeting in page.meetings] == ["c", "b"]
    await create(house, "d")
    await house.meetings.delete("b")
    rest = await house.meetings.list(2, page.next)
    assert [meeting.id for meeting in rest.meetings] == ["a", "exam"]


@pytest.mark.parametrize("before", ["", "exam", "7", "-exam", "1-no spaces", "9" * 30 + "-exam"])
async def test_a_cursor_that_is_none_is_named(house: House, before: str) -> None:
    with pytest.raises(BadMessage, match="before"):
        await house.meetings.list(10, before)


async def test_any_cursor_that_looks_like_one_is_answered(house: House) -> None:
    assert (await house.meetings.list(10, "99999999999999-exam")).meetings != []
    assert (await house.meetings.list(10, "0-exam")).meetings == []


# --- proctors


async def test_proctors_are_invited_by_name(house: House) -> None:
    invited = await house.meetings.add_proctor("exam", "p1", "Paul")
    assert await house.meetings.get_proctor("exam", "p1") == invited
    assert (invited.name, invited.revoked_at) == ("Paul", None)
    assert await house.meetings.get_proctor("exam", "p2") is None
    with pytest.raises(NotFound):
        await house.meetings.add_proctor("nowhere", "p1", "Paul")


# --- ending


async def test_a_meeting_ends_once(house: House) -> None:
    ended = await asyncio.gather(*(house.meetings.end("exam") for _ in range(5)))
    assert sorted(ended) == [False] * 4 + [True]
    assert [event["kind"] for event in await house.told()] == ["candidate_joined", "meeting_ended"]
    assert (house.moved, house.ended) == (["exam"], ["exam"])
    meeting = await house.meetings.get("exam")
    assert meeting is not None
    assert meeting.ended_at is not None
    assert not await house.meetings.end("nowhere")


# --- deleting


async def furnish(house: House) -> set[str]:
    """Something in every table; returns the objects that the meeting's rows name."""
    await house.window(0, "ann-1-0-aa", "multiple_voices")
    await house.window(1, None, "clean")
    await house.window(2, "ann-1-2-bb")
    await house.part("clips/exam/ann-1-cc.part")
    await house.anomaly("a1")
    await house.reviews.give("exam", "key", "a1", "confirmed", None, "Paul")
    await house.meetings.add_proctor("exam", "p1", "Paul")
    await Audit(house.database).write("exam", "Paul", "clip_played", "ann-1-0-aa", "127.0.0.1")
    await house.database.execute("insert into webhook_cursors (meeting, webhook) values ('exam', 'w')")
    return {clip_object("exam", "ann-1-0-aa"), clip_object("exam", "ann-1-2-bb"), "clips/exam/ann-1-cc.part"}


async def rows_left(house: House, meeting: str) -> dict[str, int]:
    counts = {}
    for table in await house.rows(TABLES_OF_A_MEETING):
        query = f"select count(*) as count from {table['name']} where meeting = :meeting"
        [row] = await house.rows(query, meeting=meeting)
        counts[table["name"]] = row["count"]
    return counts


async def test_deleting_leaves_no_row_and_queues_every_object(house: House) -> None:
    objects = await furnish(house)
    await house.database.execute(
        "insert into deletions (meeting, object) values ('exam', 'clips/exam/ann-1-cc.part'), ('exam', 'earlier')"
    )
    await create(house, "other")
    await house.participants.add("other", "ann", "Ann")
    await house.window(0, "ann-1-0-dd", meeting="other")
    before = await rows_left(house, "exam")
    assert all(before.values()), before
    assert len(before) >= 10
    house.moved.clear()

    assert await house.meetings.delete("exam")

    assert not any((await rows_left(house, "exam")).values())
    deletions = await house.rows("select meeting, object from deletions")
    assert {(row["meeting"], row["object"]) for row in deletions} == {("exam", name) for name in {*objects, "earlier"}}
    assert (await rows_left(house, "other"))["windows"] == 1
    assert (house.moved, house.ended) == (["exam"], ["exam"])
    assert not await house.meetings.delete("exam")
    assert (house.moved, house.ended) == (["exam"], ["exam"])


async def test_deleting_while_others_write_deadlocks_nobody(house: House) -> None:
    """In every order in which the others take their locks."""
    await furnish(house)
    going = True

    participant = "select 1 as one from participants where participant = 'ann' for update"
    window = "update windows set attempts = attempts where number = 0 returning number"
    anomaly = "select 1 as one from anomalies where anomaly = 'a1' for update"
    position = "update meetings set last_event = last_event where meeting = 'exam' returning meeting"

    async def write(*statements: str) -> None:
        while going:
            async with house.database.transaction() as transaction:
                for statement in statements:
                    await transaction.fetch_one(statement)

    async def newcomers() -> None:
        number = 0
        while going:
            number += 1
            try:
                await house.participants.add("exam", f"p{number}", "Newcomer")
            except NotFound:
                await asyncio.sleep(0)

    async def proctors() -> None:
        number = 0
        while going:
            number += 1
            try:
                await house.reviews.give("exam", f"k{number}", "a1", "open", None, "Paul")
            except NotFound:
                await asyncio.sleep(0)

    verdicts = write(participant, window, anomaly, position)
    candidates = write(participant, position)
    renewals = write(window)
    writers = [asyncio.create_task(work) for work in (verdicts, candidates, renewals, newcomers(), proctors())]
    await asyncio.sleep(0.1)
    assert await house.meetings.delete("exam")
    going = False
    await asyncio.gather(*writers)
    assert not any((await rows_left(house, "exam")).values())


# --- the audit trail


async def test_the_trail_says_who_did_what(house: House) -> None:
    audit = Audit(house.database)
    await audit.write("exam", "Paul", "clip_played", "ann-1-0-aa", "127.0.0.1")
    await audit.write("exam", "admin", "participant_revoked", "ann", None)
    rows = await house.rows("select who, action, subject, address from audit order by id")
    assert [tuple(row.values()) for row in rows] == [
        ("Paul", "clip_played", "ann-1-0-aa", "127.0.0.1"),
        ("admin", "participant_revoked", "ann", None),
    ]
    with pytest.raises(NotFound):
        await audit.write("nowhere", "Paul", "clip_played", None, None)
