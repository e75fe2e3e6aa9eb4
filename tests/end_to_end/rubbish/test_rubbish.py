"""Every row of the rubbish table through a real socket, while two bystanders in the same meeting notice nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import numpy as np
import psutil
import pytest

from tests.audio import decode
from tests.end_to_end.conftest import fresh_database
from tests.end_to_end.rubbish import doors, port, sound, words
from tests.end_to_end.rubbish.bystanders import Bystanders, bystanding
from tests.end_to_end.rubbish.room import SECRET, SENDERS, House
from tests.end_to_end.rubbish.table import ROWS, Row
from tests.end_to_end.wire import Room
from tests.serving import running_server
from undertone.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

THROWN_BY = (sound, words, doors, port)  # importing them names their senders
# Above what the server has when the bystanders are there: clips on their way, and what Python's allocator keeps.
MORE_MEMORY_BYTES = 96 * 1024 * 1024


@pytest.fixture(scope="module")
def house(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("rubbish")
    env = {"UNDERTONE_SECRET": SECRET, "UNDERTONE_CREATES_PER_MINUTE": "0"}
    with fresh_database(postgres) as url, running_server(folder, database_url=url, env=env) as server:
        yield House(server, url, folder, Room.create(server))


@pytest.fixture(scope="module")
def bystanders(house: House) -> Iterator[Bystanders]:
    with bystanding(house) as both:
        yield both


@pytest.fixture(scope="module")
def memory_bytes(house: House, bystanders: Bystanders) -> int:
    assert bystanders.sent
    return resident(house)


def resident(house: House) -> int:
    size: int = psutil.Process(house.server.pid).memory_info().rss
    return size


def test_every_row_has_a_sender_and_a_key_of_its_own() -> None:
    assert sorted(SENDERS) == sorted(row.key for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
async def test_it_gets(house: House, bystanders: Bystanders, memory_bytes: int, row: Row) -> None:
    assert await SENDERS[row.key](house) == row.gets
    assert not bystanders.failed
    assert "Traceback" not in house.server.log()
    assert resident(house) < memory_bytes + MORE_MEMORY_BYTES


async def test_the_bystanders_noticed_nothing(house: House, bystanders: Bystanders) -> None:
    """After all of the above: the sound is stored sample for sample, every event came once and in order."""
    with bystanding(house) as late:  # also while somebody comes and goes
        pass
    bystanders.leave.set()
    bystanders.gone.wait(60)
    for both in (bystanders, late):
        assert not both.failed
        assert {message["type"] for message in both.told} == {"stored", "finished"}
        clips = await windows(house, both.candidate)
        heard = np.concatenate([decode(clip)[:, lead_in:] for clip, lead_in in clips], axis=1)
        assert np.array_equal(heard, decode(both.mp3))
    seen = [event["id"] for event in bystanders.events]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    finishing = next(event["id"] for event in house.room.events()[::-1] if event["kind"] == "candidate_finished")
    assert seen[-1] >= finishing


async def windows(house: House, candidate: str) -> list[tuple[bytes, int]]:
    """The clips of a candidate and their lead-ins in samples."""
    connection = await asyncpg.connect(house.database_url)
    try:
        of = "select * from windows where meeting = $1 and participant = $2 order by stream, number"
        rows = await connection.fetch(of, house.room.id, candidate)
    finally:
        await connection.close()
    folder: Path = house.folder / "clips" / house.room.id
    return [((folder / f"{row['clip']}.mp3").read_bytes(), row["lead_in_samples"]) for row in rows]
