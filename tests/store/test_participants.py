from __future__ import annotations

import asyncio

import pytest

from tests.store.house import House
from undertone.core.errors import Conflict, MeetingEnded, NotFound

pytestmark = pytest.mark.anyio


async def kinds(house: House) -> list[tuple[str, str]]:
    """What was told since ann joined: kind and participant."""
    return [(event["kind"], event["participant"]["id"]) for event in await house.told(after=1)]


# --- joining


async def test_who_is_added_is_there_and_told(house: House) -> None:
    bob = await house.participants.add("exam", "bob", "Bob ☃", "ext-7", 2)
    assert await house.participants.get("exam", "bob") == bob
    assert (bob.name, bob.external_id, bob.expected_voices, bob.revoked_at, bob.state) == (
        "Bob ☃",
        "ext-7",
        2,
        None,
        "joined",
    )
    joined, changed = await house.told(after=1)
    assert (joined["kind"], joined["participant"]) == ("candidate_joined", {"id": "bob", "name": "Bob ☃"})
    assert joined["external_id"] == "ext-7"
    assert (changed["kind"], changed["expected_voices"]) == ("candidate_changed", 2)  # others expect themselves alone
    assert house.moved == ["exam"]


async def test_an_external_id_is_one_persons_in_a_meeting(house: House) -> None:
    await house.participants.add("exam", "bob", "Bob", "ext-7")
    with pytest.raises(Conflict, match="ext-7"):
        await house.participants.add("exam", "cid", "Cid", "ext-7")
    await house.meetings.create("other", "", b"", b"", "local", {})
    await house.participants.add("other", "bob", "Bob", "ext-7")
    await house.participants.add("exam", "dan", "Dan")  # nobody's external_id is nobody's twice
    assert await kinds(house) == [("candidate_joined", "bob"), ("candidate_joined", "dan")]


async def test_of_many_who_bring_the_same_external_id_one_joins(house: House) -> None:
    asked = [house.participants.add("exam", f"p{number}", "Somebody", "ext-7") for number in range(8)]
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 7
    assert len(await kinds(house)) == 1


async def test_where_there_is_no_meeting_nobody_joins(house: House) -> None:
    with pytest.raises(NotFound):
        await house.participants.add("nowhere", "bob", "Bob")
    with pytest.raises(NotFound):
        await house.participants.ensure("nowhere", "bob", "Bob")
    assert house.moved == []


async def test_after_the_end_nobody_joins(house: House) -> None:
    await house.meetings.end("exam")
    with pytest.raises(MeetingEnded, match="ended at 2"):
        await house.participants.add("exam", "bob", "Bob")
    with pytest.raises(MeetingEnded):
        await house.participants.ensure("exam", "bob", "Bob")
    assert (await house.participants.ensure("exam", "ann", "Ann")).id == "ann"
    assert (await house.told())[-1]["kind"] == "meeting_ended"


async def test_nobody_slips_in_behind_the_end(house: House) -> None:
    async with house.database.transaction() as ending:
        await ending.execute("update meetings set ended_at = now()")
        adding = asyncio.create_task(house.participants.add("exam", "bob", "Bob"))
        await asyncio.sleep(0.05)
    with pytest.raises(MeetingEnded):
        await adding
    assert await kinds(house) == []


async def test_a_token_brings_its_participant_along_once(house: House) -> None:
    outcomes = await asyncio.gather(*(house.participants.ensure("exam", "bob", "Bob") for _ in range(8)))
    assert {outcome.id for outcome in outcomes} == {"bob"}
    assert await kinds(house) == [("candidate_joined", "bob")]
    assert (await house.participants.ensure("exam", "bob", "Robert")).name == "Bob"
    assert house.moved == ["exam"]


# --- changing


async def test_changed_voices_are_told(house: House) -> None:
    changed = await house.participants.change("exam", "ann", expected_voices=2)
    assert changed.expected_voices == 2
    assert await house.participants.get("exam", "ann") == changed
    [event] = await house.told(after=1)
    assert (event["kind"], event["expected_voices"]) == ("candidate_changed", 2)
    assert (house.moved, house.revoked) == (["exam"], [])


async def test_what_changes_nothing_tells_nothing(house: House) -> None:
    await house.participants.change("exam", "ann", expected_voices=1, revoked=False)
    await house.participants.change("exam", "ann")
    assert await kinds(house) == []
    assert house.moved == []


async def test_a_revocation_is_told_once_to_proctors_and_to_nodes(house: House) -> None:
    revoked = await house.participants.change("exam", "ann", expected_voices=3, revoked=True)
    again = await house.participants.change("exam", "ann", revoked=True)
    assert revoked == again
    assert revoked.revoked_at is not None
    assert revoked.state == "revoked"
    assert await kinds(house) == [("candidate_changed", "ann"), ("candidate_revoked", "ann")]
    assert house.revoked == [("exam", "ann")]


async def test_who_is_admitted_again_joins_again(house: House) -> None:
    await house.participants.change("exam", "ann", revoked=True)
    admitted = await house.participants.change("exam", "ann", revoked=False)
    assert (admitted.revoked_at, admitted.state) == (None, "joined")
    assert await kinds(house) == [("candidate_revoked", "ann"), ("candidate_joined", "ann")]


async def test_changing_leaves_the_line_alone(house: House) -> None:
    await house.database.execute("update participants set state = 'lost', reason = 'gone', node = 'n', generation = 3")
    assert (await house.participants.change("exam", "ann", expected_voices=2)).state == "lost"
    [row] = await house.rows("select state, reason, node, generation from participants")
    assert tuple(row.values()) == ("lost", "gone", "n", 3)


async def test_who_is_not_there_cannot_be_changed(house: House) -> None:
    for meeting, participant in (("exam", "bob"), ("nowhere", "ann")):
        with pytest.raises(NotFound):
            await house.participants.change(meeting, participant, revoked=True)
        assert await house.participants.get(meeting, participant) is None


async def test_changes_at_the_same_time_are_each_told_once(house: House) -> None:
    await asyncio.gather(*(house.participants.change("exam", "ann", expected_voices=4) for _ in range(8)))
    assert await kinds(house) == [("candidate_changed", "ann")]


async def test_whose_row_is_being_written_is_there_already_and_not_waited_for(house: House) -> None:
    """Whoever writes it wants the meeting next, which whoever adds holds: neither would go on."""
    async with house.database.transaction() as transaction:
        await transaction.execute("update participants set generation = generation + 1 where participant = 'ann'")
        async with asyncio.timeout(5):
            with pytest.raises(Conflict):
                await house.participants.add("exam", "ann", "Ann")


async def test_who_is_looked_for_is_found_by_either_name(house: House) -> None:
    await house.participants.add("exam", "bob", "Bob", "ann")  # what somebody else calls him
    await house.participants.add("exam", "cleo", "Cleo", "peer-3")
    for known_as, found in (("ann", "ann"), ("bob", "bob"), ("peer-3", "cleo"), ("peer-4", None)):
        participant = await house.participants.find("exam", known_as)
        assert (participant and participant.id) == found
    assert await house.participants.find("elsewhere", "bob") is None
