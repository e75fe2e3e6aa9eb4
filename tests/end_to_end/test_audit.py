"""The auditor is worth something only if it finds what is wrong: faults are planted in a real run that was right."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

import undertone_client
from tests.core.frames import FRAME_BYTES, frames
from tests.end_to_end.audit import Finding, Piece, Received, Sent, audit
from tests.end_to_end.cast import playing
from tests.end_to_end.conftest import copied_database, fresh_database
from tests.serving import Server, running_server
from undertone.core.events import Event
from undertone.store.embedded import EmbeddedPostgres

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SAMPLES = Path(undertone_client.__file__).parent / "samples"
AT_ONCE = timedelta(0)


@dataclass
class Run:
    """It is over: where it left its traces, and what was said and heard."""

    database_url: str
    data: Path
    sent: list[Sent]
    received: list[Received]

    async def audit(self) -> list[Finding]:
        return await audit(self.database_url, self.data, self.sent, self.received, unnamed_for=AT_ONCE)

    async def change(self, statement: str) -> None:
        """One row of the database."""
        connection = await asyncpg.connect(self.database_url)
        try:
            rows = await connection.fetch(statement + " returning 1")
            assert len(rows) == 1
        finally:
            await connection.close()

    def hear(self, otherwise: Callable[[list[Event]], object]) -> None:
        """The first proctor received something else."""
        events = list(self.received[0].events)
        otherwise(events)
        self.received[0] = replace(self.received[0], events=events)

    def say(self, stream: int, data: bytes) -> None:
        """Somebody sent something else."""
        self.sent[stream] = replace(self.sent[stream], pieces=[Piece(data)])

    @property
    def clip(self) -> Path:
        """The evidence."""
        [clip] = (self.data / "clips").rglob("*.mp3")
        return clip


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, str]]:
    data = tmp_path_factory.mktemp("audited")
    env = {"UNDERTONE_MAX_SPEED": "0"}
    with fresh_database(postgres) as url, running_server(data, database_url=url, workers=1, env=env) as server:
        yield server, url


@pytest.fixture(scope="module")
async def finished(server: tuple[Server, str]) -> Run:
    """One candidate is not alone, one says nothing; two proctors watch; then the server stops."""
    serve, url = server
    async with playing(serve.url, url, serve.data) as cast:
        await cast.watch()
        await cast.watch()
        for recording in ((SAMPLES / "two-voices.mp3").read_bytes(), frames(6_000)):
            await cast.speak(await cast.join(), recording)
        await cast.settled()
        async with asyncio.timeout(60):  # the sweeper: every clip but the evidence
            while len([path for path in (serve.data / "clips").rglob("*") if path.is_file()]) > 1:
                await asyncio.sleep(0.2)
    serve.stop()
    return Run(url, serve.data, cast.sent, cast.received)


@pytest.fixture
def run(postgres: EmbeddedPostgres, finished: Run, tmp_path: Path) -> Iterator[Run]:
    """A copy to plant faults in."""
    shutil.copytree(finished.data / "clips", tmp_path / "clips")
    with copied_database(postgres, finished.database_url) as url:
        yield Run(url, tmp_path, [*finished.sent], [*finished.received])


async def test_a_run_that_was_right_gives_no_finding(run: Run) -> None:
    assert not await run.audit()
    assert [each.finished and each.finished[1] for each in run.sent] == [2, 3]
    assert len(run.received) == 2


# --- events


async def drop(run: Run) -> None:
    run.hear(lambda events: events.pop(5))


async def double(run: Run) -> None:
    run.hear(lambda events: events.insert(6, events[5]))


async def swap(run: Run) -> None:
    run.hear(lambda events: events.insert(5, events.pop(6)))


async def never_write_an_event(run: Run) -> None:
    await run.change("delete from events where id = 4")


async def write_an_event_twice(run: Run) -> None:
    await run.change("update meetings set last_event = last_event + 1")
    await run.change(
        "insert into events select m.meeting, m.last_event, e.kind, clock_timestamp(), e.participant, e.name, e.body "
        "from meetings m join (select * from events where kind = 'window_judged' limit 1) e using (meeting)"
    )


# --- sound


async def lose_a_byte_of_a_clip(run: Run) -> None:
    run.clip.write_bytes(run.clip.read_bytes()[:-1])


async def lose_a_byte_on_the_way(run: Run) -> None:
    """Of the one who says nothing, whose clips are gone: a frame of the second window was another one."""
    data = bytearray(run.sent[1].pieces[0].data)
    data[3_000 * FRAME_BYTES + 100] ^= 1
    run.say(1, bytes(data))


async def lose_the_end(run: Run) -> None:
    run.say(1, run.sent[1].pieces[0].data + frames(1))


async def lose_a_window(run: Run) -> None:
    await run.change("delete from windows where number = 1 and duration_ms = 60000")


# --- clips


async def leak_a_clip(run: Run) -> None:
    (run.clip.parent / "bob-1-0-0123456789abcdef.mp3").write_bytes(b"a voice")


async def keep_an_innocent_clip(run: Run) -> None:
    await run.change("update windows set clip = 'bob-1-1-0123456789abcdef' where number = 1 and duration_ms = 60000")
    (run.clip.parent / "bob-1-1-0123456789abcdef.mp3").write_bytes(b"a voice")


async def lose_the_evidence(run: Run) -> None:
    run.clip.unlink()


# --- the rest


async def miss_a_verdict(run: Run) -> None:
    await run.change("update windows set outcome = null where number = 2")


async def hold_a_line(run: Run) -> None:
    await run.change(
        "update participants set node = 'somewhere' where participant = (select participant from participants limit 1)"
    )


async def show_another_state(run: Run) -> None:
    await run.change(
        "update participants set state = 'lost' where participant = (select participant from participants limit 1)"
    )


@pytest.mark.parametrize(
    ("plant", "name", "words"),
    [
        (drop, "event dropped", r"proctor 1 of \S+ never received event 6"),
        (double, "event doubled", r"proctor 1 of \S+ received event 6 2 times"),
        (swap, "events swapped", r"proctor 1 of \S+ received event 6 after event 7"),
        (never_write_an_event, "event row missing", r"\[4\] miss"),
        (write_an_event_twice, "event count wrong", r"window_judged was told 2 times, not 1"),
        (lose_a_byte_of_a_clip, "clip damaged", r"has \d+ bytes in the clip store, not \d+"),
        (lose_a_byte_on_the_way, "sound differs", r"window 1 of stream 1 of \S+ in \S+ was not made of the bytes"),
        (lose_the_end, "sound lost", r"has 1152192 bytes, and was finished at byte 1152000"),
        (lose_a_window, "window missing", r"has windows \[0, 2\], not 0 to 2"),
        (leak_a_clip, "clip leaked", r"clips/\S+/bob-1-0-0123456789abcdef.mp3 is in the clip store, and no row"),
        (keep_an_innocent_clip, "clip kept", r"window 1 of stream 1 of \S+ in \S+ was found silent, and still has"),
        (lose_the_evidence, "clip missing", r"the clip of window 0 of stream 1 of \S+ in \S+ is not in the clip store"),
        (miss_a_verdict, "verdict missing", r"window 2 of stream 1 of \S+ in \S+ was stored, and never judged"),
        (hold_a_line, "line left", r"the line of \S+ is still held by node somewhere"),
        (show_another_state, "state wrong", r"has finished, and shows as lost"),
    ],
)
async def test_a_planted_fault_is_named(
    run: Run, plant: Callable[[Run], Awaitable[None]], name: str, words: str
) -> None:
    await plant(run)
    found = [finding.sentence for finding in await run.audit() if finding.name == name]
    assert any(re.search(words, sentence) for sentence in found), found
