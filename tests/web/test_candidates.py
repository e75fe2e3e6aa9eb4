"""The registry of a node: of two hellos of one candidate the newer one has the line, whichever is answered first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import anyio
import pytest

from tests.web.test_candidate import Line
from undertone.core.errors import TakenOver, Unavailable
from undertone.store.clips import ClipStore
from undertone.store.clock import DatabaseClock
from undertone.store.database import Database
from undertone.store.parts import Parts
from undertone.store.presence import Presence
from undertone.store.stream_rows import AlreadyFinished, Held, Opened
from undertone.store.streams import Streams
from undertone.web.candidates import Candidates
from undertone.web.tokens import Claims

pytestmark = pytest.mark.anyio

HELLO = '{"type":"hello","token":"t"}'


class Ada:
    """Whose token it always is."""

    async def candidate(self, token: str) -> tuple[Claims, None]:
        return Claims(sub="p", meeting="m", role="candidate", name="Ada", exp=4_000_000_000), None


class Nobody:
    """No other node is told."""

    def took_over(self, meeting: str, participant: str, generation: int, node: str) -> None:
        raise AssertionError("no other node has this candidate")


class Told:
    """Another node is told, and does not answer."""

    def took_over(self, meeting: str, participant: str, generation: int, node: str) -> None: ...


class SlowForTheFirst(Streams):
    """Lets the first hello wait for its answer: before it is admitted, or for a connection to open its stream."""

    asked = 0
    waits_in = "admit"

    def __init__(self, database: Database, clips: ClipStore) -> None:
        super().__init__(database, clips, lambda _: None, "here")
        self.go_on = anyio.Event()

    async def admit(self, meeting: str, participant: str, stream: int | None) -> Held | AlreadyFinished:
        await self._wait("admit")
        return await super().admit(meeting, participant, stream)

    async def open(
        self,
        meeting: str,
        participant: str,
        stream: int | None,
        expires_ms: int,
        check: Callable[[int], None] = lambda generation: None,
    ) -> Opened | AlreadyFinished:
        await self._wait("open")
        return await super().open(meeting, participant, stream, expires_ms, check)

    async def _wait(self, where: str) -> None:
        if where == self.waits_in:
            self.asked += 1
            if self.asked == 1:
                await self.go_on.wait()


class OpenLine(Line):
    """It stays until it is cut, or its end is said."""

    def __init__(self) -> None:
        super().__init__()
        self.cut = anyio.Event()

    async def receive(self) -> str | bytes | None:
        await self.cut.wait()
        return None


class DeadLine(OpenLine):
    """Half open: it brought a hello, and nobody is there."""

    async def answers(self, within_s: float) -> bool:
        return False


@pytest.fixture
async def streams(database_url: str, tmp_path: Path) -> AsyncIterator[SlowForTheFirst]:
    database = Database(database_url)
    await database.connect()
    await database.execute(
        "insert into meetings (meeting, title, admin_hash, join_hash, epoch) values ('m', 'Algebra', '', '', 'e')"
    )
    await database.execute("insert into participants (meeting, participant, name) values ('m', 'p', 'Ada')")
    yield SlowForTheFirst(database, ClipStore(tmp_path))
    await database.close()


def registry(streams: SlowForTheFirst) -> Candidates:
    return Candidates(
        authority=Ada(),  # type: ignore[arg-type]
        streams=streams,
        parts=Parts(streams._database, streams._clips, lambda _: None),
        presence=Presence(streams._database, lambda _: None, "here"),
        notifier=Nobody(),
        clock=DatabaseClock(),
        node="here",
        max_speed=0,
    )


@pytest.mark.parametrize("waits_in", ["admit", "open"])
@pytest.mark.parametrize("gone", [False, True], ids=["half open", "cut"])
async def test_a_hello_that_is_answered_late_takes_no_line_from_a_newer_one(
    streams: SlowForTheFirst, gone: bool, waits_in: str
) -> None:
    streams.waits_in = waits_in
    candidates = registry(streams)
    older, newer = OpenLine(), OpenLine()
    refused: list[TakenOver] = []

    async def converse(line: OpenLine) -> None:
        try:
            await candidates.converse(line, HELLO)  # type: ignore[arg-type]
        except TakenOver as fault:
            refused.append(fault)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(candidates.run)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(converse, older)
        with anyio.fail_after(5):
            while not streams.asked:
                await anyio.sleep(0.01)
        if gone:
            older.cut.set()
        tasks.start_soon(converse, newer)
        with anyio.fail_after(5):
            while not newer.said:
                await anyio.sleep(0.01)
        assert '"ready"' in newer.said[0]
        streams.go_on.set()
        await anyio.sleep(0.3)  # time enough to take the line, if it would
        row = await streams._database.fetch_one("select generation, streams from participants")
        assert row is not None
        assert (row["generation"], row["streams"]) == (1, 1)
        assert len(refused) == (0 if gone else 1)  # nobody is there to be told
        assert older.said == []
        newer.cut.set()
        await candidates.settle(5)
        tasks.cancel_scope.cancel()


async def test_a_broken_line_takes_over_no_other(streams: SlowForTheFirst) -> None:
    """Its hello waited in a queue; by now its client streams to another node."""
    streams.waits_in = "nowhere"
    await Streams(streams._database, streams._clips, lambda _: None, "there").open("m", "p", None, 4_000_000_000_000)
    candidates = registry(streams)
    line = DeadLine()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(candidates.run)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(Unavailable, match="answers no ping"):
            await candidates.converse(line, HELLO)  # type: ignore[arg-type]
        row = await streams._database.fetch_one("select generation, node from participants")
        assert row is not None
        assert (row["generation"], row["node"]) == (1, "there")
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize("alive", [False, True], ids=["nobody is there", "somebody is there"])
async def test_a_hello_that_another_was_let_in_before_answers_a_ping_too(streams: SlowForTheFirst, alive: bool) -> None:
    """It was admitted as the first; while it waited, its client gave it up and went to another node."""
    streams.waits_in = "open"
    candidates = registry(streams)
    line = OpenLine() if alive else DeadLine()
    refused: list[Unavailable] = []

    async def converse() -> None:
        try:
            await candidates.converse(line, HELLO)  # type: ignore[arg-type]
        except Unavailable as fault:
            refused.append(fault)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(candidates.run)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(converse)
        with anyio.fail_after(5):
            while not streams.asked:
                await anyio.sleep(0.01)
        elsewhere = Streams(streams._database, streams._clips, lambda _: None, "there")
        opened = await elsewhere.open("m", "p", None, 4_000_000_000_000)
        assert isinstance(opened, Opened)
        await elsewhere.release(opened.owner)
        streams.go_on.set()
        with anyio.fail_after(5):
            while not (line.said or refused):
                await anyio.sleep(0.01)
        row = await streams._database.fetch_one("select generation from participants")
        assert row is not None
        assert (row["generation"], bool(refused)) == ((2, False) if alive else (1, True))
        line.cut.set()
        await candidates.settle(5)
        tasks.cancel_scope.cancel()


class SlowLine(OpenLine):
    """Its answer to a ping takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = anyio.Event()
        self.answer = anyio.Event()

    async def answers(self, within_s: float) -> bool:
        self.asked.set()
        await self.answer.wait()
        return True


async def test_of_two_hellos_that_cross_one_is_let_in(streams: SlowForTheFirst) -> None:
    """A second tab's, whose ping is slow; and meanwhile that of the first tab, whose line had broken."""
    streams.waits_in = "nowhere"
    await Streams(streams._database, streams._clips, lambda _: None, "there").open("m", "p", None, 4_000_000_000_000)
    candidates = registry(streams)
    candidates._notifier = Told()
    older, newer = SlowLine(), OpenLine()
    refused: list[OpenLine] = []

    async def converse(line: OpenLine, hello: str) -> None:
        try:
            await candidates.converse(line, hello)  # type: ignore[arg-type]
        except TakenOver:
            refused.append(line)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(candidates.run)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(converse, older, HELLO)
        with anyio.fail_after(10):
            await older.asked.wait()
            tasks.start_soon(converse, newer, '{"type":"hello","token":"t","stream":1}')
            while not newer.said:
                await anyio.sleep(0.01)
            older.answer.set()
            while not refused:
                await anyio.sleep(0.01)
        await anyio.sleep(0.1)
        assert refused == [older]
        newer.cut.set()
        await candidates.settle(5)
        tasks.cancel_scope.cancel()


async def test_a_line_that_another_node_took_is_let_go_though_no_notice_came(streams: SlowForTheFirst) -> None:
    """It found no line here: this one's hello was being answered just then."""
    streams.waits_in = "nowhere"
    candidates = registry(streams)
    line = OpenLine()
    refused: list[TakenOver] = []

    async def converse() -> None:
        try:
            await candidates.converse(line, HELLO)  # type: ignore[arg-type]
        except TakenOver as fault:
            refused.append(fault)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(candidates.run)
        await anyio.wait_all_tasks_blocked()
        tasks.start_soon(converse)
        with anyio.fail_after(5):
            while not line.said:
                await anyio.sleep(0.01)
        elsewhere = Streams(streams._database, streams._clips, lambda _: None, "there")
        await elsewhere.open("m", "p", None, 4_000_000_000_000)
        candidates.reconnected()
        with anyio.fail_after(5):
            while not refused:
                await anyio.sleep(0.01)
        row = await streams._database.fetch_one("select generation, node from participants")
        assert row is not None
        assert (row["generation"], row["node"]) == (2, "there")
        await candidates.settle(5)
        tasks.cancel_scope.cancel()
