"""The registry of a node: of two hellos of one candidate the newer one has the line, whichever is answered first."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest
from anyio.abc import TaskGroup

from tests.web.test_candidate import Line
from undertone.core.errors import RemoteFault, TakenOver, Unavailable
from undertone.store.clips import ClipStore
from undertone.store.clips_folder import FolderClips
from undertone.store.clock import DatabaseClock
from undertone.store.database import Database, Row
from undertone.store.parts import Parts
from undertone.store.presence import Presence
from undertone.store.stream_rows import AlreadyFinished, Held, Opened
from undertone.store.streams import Streams
from undertone.web.candidates import Candidates, TellsNodes
from undertone.web.tokens import Claims

pytestmark = pytest.mark.anyio

NEVER_MS = 4_000_000_000_000  # when a token ends
HELLO = '{"type":"hello","token":"t"}'
RESUMED = '{"type":"hello","token":"t","stream":1}'


class Ada:
    """Whose token it always is."""

    async def candidate(self, token: str) -> tuple[Claims, None]:
        return Claims(sub="p", meeting="m", role="candidate", name="Ada", exp=4_000_000_000), None


class Nobody:
    """No other node is told."""

    def took_over(self, meeting: str, participant: str, generation: int, node: str) -> None:
        raise AssertionError("no other node has this candidate")


NOBODY = Nobody()


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

    async def admit(
        self, meeting: str, participant: str, stream: int | None, accepted: float | None = None
    ) -> Held | AlreadyFinished:
        await self._wait("admit")
        return await super().admit(meeting, participant, stream, accepted)

    async def open(
        self,
        meeting: str,
        participant: str,
        stream: int | None,
        expires_ms: int,
        check: Callable[[int], None] = lambda generation: None,
        accepted_at: datetime | None = None,
    ) -> Opened | AlreadyFinished:
        await self._wait("open")
        return await super().open(meeting, participant, stream, expires_ms, check, accepted_at)

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
        self.refused: RemoteFault | None = None

    async def receive(self) -> str | bytes | None:
        await self.cut.wait()
        return None


class DeadLine(OpenLine):
    """Half open: it brought a hello, and nobody is there."""

    async def answers(self, within_s: float) -> bool:
        return False


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


@pytest.fixture
async def streams(database_url: str, tmp_path: Path) -> AsyncIterator[SlowForTheFirst]:
    database = Database(database_url)
    await database.connect()
    await database.execute(
        "insert into meetings (meeting, title, admin_hash, join_hash, epoch) values ('m', 'Algebra', '', '', 'e')"
    )
    await database.execute("insert into participants (meeting, participant, name) values ('m', 'p', 'Ada')")
    yield SlowForTheFirst(database, FolderClips(tmp_path))
    await database.close()


def registry(streams: SlowForTheFirst, notifier: TellsNodes = NOBODY) -> Candidates:
    return Candidates(
        authority=Ada(),  # type: ignore[arg-type]
        streams=streams,
        parts=Parts(streams._database, streams._clips, lambda _: None),
        presence=Presence(streams._database, lambda _: None, "here"),
        notifier=notifier,
        clock=DatabaseClock(),
        node="here",
        max_speed=0,
    )


@asynccontextmanager
async def running(candidates: Candidates) -> AsyncIterator[TaskGroup]:
    """The registry, while the block runs; what its lines brought is written at the end."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(candidates.run)
        await anyio.wait_all_tasks_blocked()
        yield tasks
        await candidates.settle(5)
        tasks.cancel_scope.cancel()


async def converse(candidates: Candidates, line: OpenLine, hello: str = HELLO) -> None:
    try:
        await candidates.converse(line, hello)  # type: ignore[arg-type]
    except RemoteFault as fault:
        line.refused = fault


async def until(holds: Callable[[], object]) -> None:
    with anyio.fail_after(5):
        while not holds():
            await anyio.sleep(0.01)


async def participant(streams: Streams) -> Row:
    row = await streams._database.fetch_one("select generation, node, streams from participants")
    assert row is not None
    return row


def now() -> datetime:
    """By the database's clock, which is this machine's."""
    return datetime.now(UTC)


def elsewhere(streams: Streams) -> Streams:
    """As another node writes them."""
    return Streams(streams._database, streams._clips, lambda _: None, "there")


@pytest.mark.parametrize("waits_in", ["admit", "open"])
@pytest.mark.parametrize("gone", [False, True], ids=["half open", "cut"])
async def test_a_hello_that_is_answered_late_takes_no_line_from_a_newer_one(
    streams: SlowForTheFirst, gone: bool, waits_in: str
) -> None:
    streams.waits_in = waits_in
    candidates = registry(streams)
    older, newer = OpenLine(), OpenLine()
    async with running(candidates) as tasks:
        tasks.start_soon(converse, candidates, older)
        await until(lambda: streams.asked)
        if gone:
            older.cut.set()
        tasks.start_soon(converse, candidates, newer)
        await until(lambda: newer.said)
        assert '"ready"' in newer.said[0]
        streams.go_on.set()
        await anyio.sleep(0.3)  # time enough to take the line, if it would
        row = await participant(streams)
        assert (row["generation"], row["streams"]) == (1, 1)
        # Where it is gone, nobody is there to be told.
        assert older.refused is None if gone else isinstance(older.refused, Unavailable)
        assert newer.refused is None
        assert older.said == []
        newer.cut.set()


async def test_a_broken_line_takes_over_no_other(streams: SlowForTheFirst) -> None:
    """Its hello waited in a queue; by now its client streams to another node."""
    streams.waits_in = "nowhere"
    await elsewhere(streams).open("m", "p", None, NEVER_MS)
    candidates = registry(streams)
    async with running(candidates):
        with pytest.raises(Unavailable, match="answers no ping"):
            await candidates.converse(DeadLine(), HELLO)  # type: ignore[arg-type]
        row = await participant(streams)
        assert (row["generation"], row["node"]) == (1, "there")


@pytest.mark.parametrize("alive", [False, True], ids=["nobody is there", "somebody is there"])
async def test_a_hello_that_another_was_let_in_before_answers_a_ping_too(streams: SlowForTheFirst, alive: bool) -> None:
    """It was admitted as the first; while it waited, its client gave it up and went to another node."""
    streams.waits_in = "open"
    candidates = registry(streams)
    line = OpenLine() if alive else DeadLine()
    async with running(candidates) as tasks:
        tasks.start_soon(converse, candidates, line)
        await until(lambda: streams.asked)
        opened = await elsewhere(streams).open("m", "p", None, NEVER_MS, accepted_at=now() - timedelta(minutes=1))
        assert isinstance(opened, Opened)
        await elsewhere(streams).release(opened.owner)
        streams.go_on.set()
        await until(lambda: line.said or line.refused)
        row = await participant(streams)
        if alive:
            assert (row["generation"], line.refused) == (2, None)
        else:
            assert row["generation"] == 1
            assert isinstance(line.refused, Unavailable)
        line.cut.set()


async def test_of_two_hellos_that_cross_one_is_let_in(streams: SlowForTheFirst) -> None:
    """A second tab's, whose ping is slow; and meanwhile that of the first tab, whose line had broken."""
    streams.waits_in = "nowhere"
    await elsewhere(streams).open("m", "p", None, NEVER_MS)
    candidates = registry(streams, Told())
    older, newer = SlowLine(), OpenLine()
    async with running(candidates) as tasks:
        tasks.start_soon(converse, candidates, older)
        await until(older.asked.is_set)
        tasks.start_soon(converse, candidates, newer, RESUMED)
        await until(lambda: newer.said)
        older.answer.set()
        await until(lambda: older.refused)
        await anyio.sleep(0.1)
        assert isinstance(older.refused, Unavailable)
        assert newer.refused is None
        newer.cut.set()


@pytest.mark.parametrize("hello", [HELLO, RESUMED], ids=["a new stream", "the same stream"])
async def test_a_line_that_was_accepted_before_another_nodes_takes_it_from_nobody(
    streams: SlowForTheFirst, hello: str
) -> None:
    """Half open: its hello and the answer to its ping had waited on the way, and its client streams elsewhere."""
    streams.waits_in = "nowhere"
    candidates = registry(streams)  # with a notifier that bears no word: the other line is not told to go
    older = OpenLine()
    await elsewhere(streams).open("m", "p", None, NEVER_MS, accepted_at=now())
    async with running(candidates):
        await converse(candidates, older, hello)
        assert isinstance(older.refused, Unavailable)
        row = await participant(streams)
        assert (row["generation"], row["node"], row["streams"]) == (1, "there", 1)


async def test_a_line_that_was_accepted_after_another_nodes_takes_over(streams: SlowForTheFirst) -> None:
    streams.waits_in = "nowhere"
    candidates = registry(streams)
    older = await elsewhere(streams).open("m", "p", None, NEVER_MS, accepted_at=now())
    assert isinstance(older, Opened)
    newest = OpenLine()
    await elsewhere(streams).release(older.owner)
    async with running(candidates) as tasks:
        tasks.start_soon(converse, candidates, newest)
        await until(lambda: newest.said)
        assert '"ready"' in newest.said[0]
        newest.cut.set()


async def test_a_line_that_answers_while_a_newer_one_is_let_in_elsewhere_takes_it_from_nobody(
    streams: SlowForTheFirst,
) -> None:
    streams.waits_in = "nowhere"
    first = await elsewhere(streams).open("m", "p", None, NEVER_MS, accepted_at=now() - timedelta(minutes=1))
    assert isinstance(first, Opened)
    await elsewhere(streams).release(first.owner)
    candidates = registry(streams)
    older = SlowLine()
    async with running(candidates) as tasks:
        tasks.start_soon(converse, candidates, older)
        await until(older.asked.is_set)
        await elsewhere(streams).open("m", "p", 1, NEVER_MS, accepted_at=now())
        older.answer.set()
        await until(lambda: older.refused)
        assert isinstance(older.refused, Unavailable)
        row = await participant(streams)
        assert (row["generation"], row["node"], row["streams"]) == (2, "there", 1)


async def test_a_line_that_another_node_took_is_let_go_though_no_notice_came(streams: SlowForTheFirst) -> None:
    """It found no line here: this one's hello was being answered just then."""
    streams.waits_in = "nowhere"
    candidates = registry(streams)
    line = OpenLine()
    async with running(candidates) as tasks:
        tasks.start_soon(converse, candidates, line)
        await until(lambda: line.said)
        await elsewhere(streams).open("m", "p", None, NEVER_MS)
        candidates.reconnected()
        await until(lambda: line.refused)
        assert isinstance(line.refused, TakenOver)
        row = await participant(streams)
        assert (row["generation"], row["node"]) == (2, "there")
