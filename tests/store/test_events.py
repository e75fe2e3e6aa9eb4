from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from tests.store.house import ANN, House
from undertone.core.errors import NotFound, Unavailable
from undertone.core.events import AudioMissing, CandidateMoved, MeetingEnded, decode_event
from undertone.core.times import parse_rfc3339
from undertone.store import events
from undertone.store.events import Events, NewEvent, Page, append

pytestmark = pytest.mark.anyio

TRIM = "delete from events where id <= 5; update meetings set trimmed_to = 5"


async def test_an_event_is_on_the_wire_what_was_appended(house: House) -> None:
    missing = AudioMissing(stream=1, start_ms=60_000, lost_ms=400)
    async with house.database.transaction() as transaction:
        ids = await append(
            transaction, "exam", [NewEvent("audio_missing", missing, ANN), NewEvent("meeting_ended", MeetingEnded())]
        )
    told, ended = [decode_event(event.text) for event in await house.events.after("exam", 1, 10)]
    assert ids == [told.id, ended.id] == [2, 3]  # 1 is that ann joined
    assert (told.kind, told.participant, told.body) == ("audio_missing", ANN, missing)
    assert (ended.kind, ended.participant, ended.body) == ("meeting_ended", None, MeetingEnded())


async def test_nothing_appended_takes_no_number(house: House) -> None:
    async with house.database.transaction() as transaction:
        assert await append(transaction, "exam", []) == []
    position = await house.events.position("exam")
    assert position is not None
    assert position.last_id == 1


async def test_a_meeting_that_is_gone_takes_no_events(house: House) -> None:
    with pytest.raises(NotFound):
        await house.tell(meeting="nowhere")


async def test_what_is_rolled_back_leaves_no_hole(house: House) -> None:
    async def fail() -> None:
        async with house.database.transaction() as transaction:
            await append(transaction, "exam", [NewEvent("candidate_lost", CandidateMoved(), ANN)])
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        await fail()
    assert await house.tell() == [2]


async def test_ids_are_dense_and_visible_in_order_under_twenty_writers(house: House) -> None:
    """A reader that pages by id, as fast as it can, never sees an id after a hole: so it never misses one."""
    writers, each = 20, 15
    seen: list[int] = []
    written = asyncio.Event()

    async def write(batch: int) -> None:
        for number in range(each):
            async with house.database.transaction() as transaction:
                await append(
                    transaction, "exam", [NewEvent("candidate_silent", CandidateMoved(reason=str(number)), ANN)] * batch
                )
                await asyncio.sleep(0.001 * (number % 3))  # commits overtake each other where they can

    async def read() -> None:
        while True:
            last_round = written.is_set()
            while page := await house.events.after("exam", seen[-1] if seen else 0, 7):
                seen.extend(event.id for event in page)
            if last_round:
                return

    reader = asyncio.ensure_future(read())
    await asyncio.gather(*(write(1 + index % 3) for index in range(writers)))
    written.set()
    await reader
    expected = 1 + sum(each * (1 + index % 3) for index in range(writers))
    assert seen == list(range(1, expected + 1))
    times = [parse_rfc3339(event["at"]) for event in await house.told()]
    assert all(earlier <= later for earlier, later in pairwise(times))


async def test_the_position_outlives_the_events(house: House) -> None:
    await house.tell(5)
    await house.database.execute("delete from events where meeting = 'exam' and id <= 4")
    await house.database.execute("update meetings set trimmed_to = 4 where meeting = 'exam'")
    page = await house.events.page("exam", 2, 10)
    assert page is not None
    assert (page.position.last_id, page.position.trimmed_to) == (6, 4)
    assert [event.id for event in page.events] == [5, 6]


async def test_a_page_holds_no_more_than_asked_for(house: House) -> None:
    await house.tell(5)
    page = await house.events.page("exam", 1, 2)
    assert page is not None
    assert [event.id for event in page.events] == [2, 3]
    beyond = await house.events.page("exam", 6, 2)
    assert beyond is not None
    assert (beyond.events, beyond.position) == ([], page.position)
    assert await house.events.page("nowhere", 0, 2) is None
    assert await house.events.position("nowhere") is None


async def test_a_listing_is_a_page_read_bit_by_bit(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LISTED_AT_ONCE", 3)
    await house.tell(10)
    for after, limit in ((0, 1), (0, 3), (0, 7), (4, 100), (0, 11), (11, 5), (99, 5)):
        assert await house.events.listing("exam", after, limit) == await house.events.page("exam", after, limit)
    assert await house.events.listing("nowhere", 0, 5) is None


async def test_what_happens_while_a_listing_is_read_is_left_for_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LISTED_AT_ONCE", 3)
    await house.tell(10)
    expected = await house.events.page("exam", 0, 100)
    between_pages(monkeypatch, house.tell)
    assert await house.events.listing("exam", 0, 100) == expected


@pytest.mark.parametrize("change", [TRIM, "update meetings set epoch = 'restored'"])
async def test_a_listing_that_is_trimmed_or_restored_while_it_is_read_begins_again(
    house: House, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    monkeypatch.setattr(events, "LISTED_AT_ONCE", 3)
    await house.tell(10)
    changes = iter(change.split(";"))

    async def happen() -> None:
        for statement in changes:
            await house.database.execute(statement)

    between_pages(monkeypatch, happen)
    listed = await house.events.listing("exam", 0, 100)
    assert listed == await house.events.page("exam", 0, 100)
    assert listed is not None
    assert listed.events[0].id == (6 if change == TRIM else 1)


async def test_a_hole_that_stays_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LISTED_AT_ONCE", 3)
    await house.tell(10)
    await house.database.execute("delete from events where id = 4")
    with pytest.raises(Unavailable):
        await house.events.listing("exam", 0, 100)


def between_pages(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], Awaitable[object]]) -> None:
    """It happens after each page of a listing was read."""
    read = Events.page

    async def page(self: Events, meeting: str, after: int, limit: int) -> Page | None:
        found = await read(self, meeting, after, limit)
        await happens()
        return found

    monkeypatch.setattr(Events, "page", page)


async def test_moved_are_meetings_that_stand_elsewhere_or_are_gone(house: House) -> None:
    await house.meetings.create("other", "Botany", b"", b"", "local", {})
    assert await house.events.moved_since({"exam": 1, "other": 0}) == []
    assert set(await house.events.moved_since({"exam": 0, "other": 0, "gone": 3})) == {"exam", "gone"}
    assert await house.events.moved_since({"exam": 9}) == ["exam"]  # after a restore
    assert await house.events.moved_since({}) == []


async def test_a_new_epoch_is_new_and_told(house: House) -> None:
    await house.meetings.create("other", "Botany", b"", b"", "local", {})
    before = {row["meeting"]: row["epoch"] for row in await house.rows("select meeting, epoch from meetings")}
    assert await house.events.new_epoch("exam") == 1
    assert house.moved == ["exam"]
    between = {row["meeting"]: row["epoch"] for row in await house.rows("select meeting, epoch from meetings")}
    assert between["other"] == before["other"]
    assert await house.events.new_epoch() == 2
    after = {row["meeting"]: row["epoch"] for row in await house.rows("select meeting, epoch from meetings")}
    assert len({*before.values(), *between.values(), *after.values()}) == 5
    assert await house.events.new_epoch("nowhere") == 0
