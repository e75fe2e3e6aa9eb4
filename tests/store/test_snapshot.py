from __future__ import annotations

import asyncio

import pytest

from tests.store.house import EVIDENCE, House, as_read
from undertone.core.events import CandidateMoved
from undertone.core.messages import Candidate, ChannelReady, decode_to_proctor, encode
from undertone.store.events import NewEvent, append
from undertone.store.snapshot import Snapshot, list_anomalies, snapshot

pytestmark = pytest.mark.anyio


async def taken(house: House) -> Snapshot:
    found = await snapshot(house.database, "exam")
    assert found is not None
    # As it arrives: the windows are put together by the database.
    ready = decode_to_proctor(
        encode(
            ChannelReady(
                meeting="exam",
                epoch=found.epoch,
                recovered=False,
                last_id=found.last_id,
                candidates=found.candidates,
                anomalies=found.anomalies,
            )
        )
    )
    assert isinstance(ready, ChannelReady)
    assert ready.candidates is not None
    assert ready.anomalies is not None
    return Snapshot(ready.epoch, ready.last_id, ready.candidates, ready.anomalies)


async def test_it_shows_everybody_and_what_became_of_their_windows(house: House) -> None:
    await house.participants.add("exam", "bob", "Bob", "x7", 2)
    await house.window(1, "c1")
    await house.window(0, None, "clean")
    await house.database.execute("update windows set reason = 'a drill' where number = 0")
    await house.database.execute(
        """
        update participants set state = 'lost', reason = 'no line', streams = 1, last_outcome = 'clean', anomalies = 2
        where participant = 'ann'
        """
    )
    found = await taken(house)
    assert found.last_id == 3
    assert found.candidates == [
        Candidate(
            id="ann",
            name="Ann",
            state="lost",
            reason="no line",
            stream=1,
            expected_voices=1,
            last_outcome="clean",
            last_reason="a drill",
            anomalies=2,
            windows=[
                (1, 0, "2026-03-01T09:00:00.125Z", 60_000, "clean"),
                (1, 1, "2026-03-01T09:01:00.125Z", 60_000, None),
            ],
        ),
        Candidate(id="bob", name="Bob", external_id="x7", state="joined", expected_voices=2, anomalies=0, windows=[]),
    ]
    [row] = await house.rows("select epoch from meetings")
    assert found.epoch == row["epoch"]


async def test_the_newest_anomalies_come_first(house: House) -> None:
    for anomaly, minute in (("a2", 5), ("a1", 0), ("a3", 9)):
        await house.anomaly(anomaly, minute)
    await house.reviews.give("exam", "k1", "a1", "dismissed", "the radio", "Paul")
    found = (await taken(house)).anomalies
    assert [anomaly.id for anomaly in found] == ["a3", "a2", "a1"]
    assert found[0].evidence == [EVIDENCE]
    assert found[0].review is None
    assert found[2].review is not None
    assert found[2].review.note == "the radio"
    assert [as_read(anomaly) for anomaly in await list_anomalies(house.database, "exam")] == found


async def test_what_is_stored_as_json_is_not_read_only_to_be_written_again(house: House) -> None:
    """A meeting can have 15,000 windows in its anomalies."""
    await house.anomaly("a1")
    [anomaly] = await list_anomalies(house.database, "exam")
    assert not isinstance(anomaly.evidence, list)


async def test_one_meetings_snapshot_holds_nothing_of_another(house: House) -> None:
    await house.meetings.create("other", "", b"", b"", "local", {})
    await house.participants.add("other", "ann", "Another Ann")
    await house.window(0, "c1", meeting="other")
    found = await taken(house)
    assert [(candidate.name, candidate.windows) for candidate in found.candidates] == [("Ann", [])]
    assert found.last_id == 1


async def test_no_meeting_no_snapshot(house: House) -> None:
    assert await snapshot(house.database, "nowhere") is None
    assert await list_anomalies(house.database, "nowhere") == []


async def test_it_is_of_one_moment_however_much_is_written(house: House) -> None:
    """Writers keep a sum and the last id equal in every transaction: no snapshot may see them differ."""
    await house.participants.add("exam", "bob", "Bob")
    going = True

    async def write(participant: str) -> None:
        while going:
            async with house.database.transaction() as transaction:
                await transaction.execute(
                    "update participants set anomalies = anomalies + 1 where participant = :who", {"who": participant}
                )
                await append(transaction, "exam", [NewEvent("candidate_silent", CandidateMoved())])

    writers = [asyncio.create_task(write(participant)) for participant in ("ann", "bob")]
    seen: set[int] = set()
    async with asyncio.timeout(60):
        while len(seen) < 20:
            found = await taken(house)
            assert sum(candidate.anomalies for candidate in found.candidates) + 2 == found.last_id
            seen.add(found.last_id)
    going = False
    await asyncio.gather(*writers)
