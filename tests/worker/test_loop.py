"""The loop on a real database with real analyzer processes: what becomes of windows, and of their workers."""

from __future__ import annotations

from pathlib import Path

import anyio
import asyncpg
import pytest

from tests.worker.engines import LOADER
from tests.worker.lab import WITHIN_S, Lab, until_judged
from undertone.core.errors import Unavailable
from undertone.store.clips_folder import FolderClips
from undertone.store.embedded import EmbeddedPostgres
from undertone.worker.analyzers import Analyzers
from undertone.worker.loop import Wake

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_windows_are_heard_and_judged_in_order(lab: Lab) -> None:
    for number, command in enumerate(["one", "two", "two", "one"]):
        await lab.window(command, number)
    await until_judged(lab, 4, lab.loop(count=2))
    events = await lab.exam.events()
    assert [event["window"] for event in events if event["kind"] == "window_judged"] == [0, 1, 2, 3]
    assert [event["kind"] for event in events if "anomaly" in event] == ["anomaly_opened", "anomaly_grew"]
    assert await lab.exam.value("select profile from participants") == b"++++"
    kept = [row["clip"] is not None for row in [await lab.exam.row(number) for number in range(4)]]
    assert kept == [False, True, True, False]


async def test_words_go_on_from_a_window_to_the_one_that_follows_it_alone(lab: Lab) -> None:
    async def said(number: int, stream: int = 1) -> str:
        reason: str = (await lab.exam.row(number, stream=stream))["reason"]
        return reason

    async def words(number: int, stream: int = 1, late_ms: int = 0) -> str:
        name = await lab.exam.window(number, stream=stream)
        await lab.exam.sql("update windows set start_ms = start_ms + :late_ms where outcome is null", late_ms=late_ms)
        await lab.clips.put(name, b"words|")
        await until_judged(lab, await lab.exam.value("select count(*) from windows"), lab.loop())
        return await said(number, stream)

    assert [await words(0), await words(1)] == ["anew", "goes on"]
    await lab.window("undecodable", 2)
    assert await words(3) == "anew", "behind a window that failed"
    assert await words(4) == "goes on"
    await lab.exam.sql("update participants set expected_voices = 2")
    await words(5)
    await lab.exam.sql("update participants set expected_voices = 1")
    assert await words(6) == "anew", "behind a window in which two might speak"
    assert await words(7, late_ms=500) == "anew", "behind a gap"
    assert await words(8, late_ms=500) == "goes on"
    assert [await words(0, stream=2), await words(1, stream=2)] == ["anew", "goes on"]


async def test_two_loops_judge_every_window_once_and_in_order(lab: Lab) -> None:
    people = [("m", "ada"), ("m", "bob"), ("n", "cy"), ("n", "dora")]
    for meeting, participant in people[1:]:
        await lab.exam.candidate(participant, meeting)
    for number in range(6):
        for meeting, participant in people:
            await lab.window("two" if number % 2 else "one", number, participant, meeting)
    await until_judged(lab, 24, lab.loop(count=2), lab.loop(count=2))
    for meeting in ("m", "n"):
        events = await lab.exam.events(meeting)
        assert [event["id"] for event in events] == list(range(1, len(events) + 1))
        for participant in (each for where, each in people if where == meeting):
            own = [event for event in events if event["participant"] == participant]
            assert [event["window"] for event in own if event["kind"] == "window_judged"] == list(range(6))
            assert [event["anomaly"]["count"] for event in own if "anomaly" in event] == [1, 2, 3]
    assert await lab.exam.value("select count(*) from anomalies") == 4
    assert await lab.exam.value("select max(attempts) from windows") == 1


async def test_a_notice_wakes_a_loop_that_would_sleep_on(lab: Lab) -> None:
    wake = Wake()
    await lab.window("one", 0)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lab.loop(wake=wake, poll_s=3600).run)
        await lab.judged(1)
        await anyio.sleep(0.2)
        await lab.window("one", 1)
        await anyio.sleep(0.2)
        assert (await lab.exam.row(1))["outcome"] is None
        wake.ring()
        await lab.judged(2)
        tasks.cancel_scope.cancel()


async def test_without_a_notice_windows_are_found_a_little_later(lab: Lab) -> None:
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lab.loop(poll_s=0.1).run)
        await anyio.sleep(0.2)
        await lab.window("one", 0)
        await lab.judged(1)
        tasks.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("segfault", "the analyzer process died"),
        ("leave 0", "the analyzer process died"),
        ("nonsense", "the engine's answer makes no sense: Expected `object`, got `str`"),
        ("undecodable", "no frame could be decoded"),
    ],
)
async def test_three_attempts_then_a_visible_failure_and_the_next_window(lab: Lab, command: str, reason: str) -> None:
    await lab.window(command, 0)
    await lab.window("one", 1)
    await until_judged(lab, 2)
    failed, judged = await lab.exam.events()
    assert (failed["window"], failed["outcome"], failed["reason"]) == (0, "failed", reason)
    assert (judged["window"], judged["outcome"]) == (1, "clean")
    row = await lab.exam.row(0)
    assert (row["attempts"], row["clip"] is not None) == (3, True)


async def test_what_hangs_is_killed_and_holds_nobody_else_up(lab: Lab) -> None:
    await lab.exam.candidate("bob")
    await lab.window("busy 600", 0)
    await lab.window("one", 0, "bob")
    await Analyzers("obedient", 2, loader=LOADER).warm()
    await until_judged(lab, 2, lab.loop(count=2, deadline_s=2.0))
    events = {event["participant"]: event for event in await lab.exam.events()}
    assert events["ada"]["reason"] == "no answer from the analyzer within 2 s"
    assert events["bob"]["id"] < events["ada"]["id"]


async def test_a_missing_clip_is_a_visible_failure(lab: Lab) -> None:
    await lab.exam.window(0)
    await until_judged(lab, 1)
    (event,) = await lab.exam.events()
    assert (event["outcome"], event["reason"]) == ("failed", "its clip is missing from the clip store")


class Flaky(FolderClips):
    """A store that is away for the first calls."""

    away = 4

    async def get(self, name: str) -> bytes:
        if self.away:
            self.away -= 1
            raise Unavailable("the clip store is away: on purpose")
        return await super().get(name)


async def test_a_store_that_is_away_costs_no_attempt(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertone.worker.loop.AWAY_S", 0.05)
    await lab.window("one", 0)
    clips = Flaky(tmp_path)
    await until_judged(lab, 1, lab.loop(clips=clips))
    row = await lab.exam.row(0)
    assert (clips.away, row["outcome"], row["attempts"]) == (0, "clean", 1)


class Outage:
    """The test's own database, unreachable for everybody while it lasts."""

    def __init__(self, postgres: EmbeddedPostgres, url: str) -> None:
        self._dsn = postgres.dsn
        self._name = url.rpartition("/")[2].partition("?")[0]

    async def begin(self) -> None:
        await self._run(f"alter database {self._name} with allow_connections false")
        await self._run(f"select pg_terminate_backend(pid) from pg_stat_activity where datname = '{self._name}'")

    async def end(self) -> None:
        await self._run(f"alter database {self._name} with allow_connections true")

    async def _run(self, statement: str) -> None:
        connection = await asyncpg.connect(self._dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


async def test_a_database_that_is_away_is_waited_for(
    lab: Lab, postgres: EmbeddedPostgres, database_url: str, tmp_path: Path
) -> None:
    outage = Outage(postgres, database_url)
    here, there = tmp_path / "here", tmp_path / "there"
    await lab.window(f"meet {here} {there}", 0)
    await lab.window("one", 1)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lab.loop(lease_s=2.0, renew_s=0.2).run)
        with anyio.fail_after(WITHIN_S):
            while not here.exists():
                await anyio.sleep(0.02)
        await outage.begin()
        there.touch()
        await anyio.sleep(1.0)
        await outage.end()
        await lab.judged(2)
        tasks.cancel_scope.cancel()
    assert await lab.exam.kinds() == ["window_judged", "window_judged"]
    assert (await lab.exam.row(0))["attempts"] == 1


async def test_a_verdict_that_cannot_be_written_stops_only_its_window(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("undertone.store.windows.judge", broken)
    await lab.window("one", 0)
    await until_judged(lab, 1)
    row = await lab.exam.row(0)
    assert (row["outcome"], row["reason"]) == ("failed", "its verdict could not be written: ZeroDivisionError")
    assert "Traceback" in caplog.text


async def test_a_bug_in_the_loop_itself_is_loud(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("undertone.store.windows.Windows.claim", broken)
    with pytest.raises(ExceptionGroup) as raised:
        await lab.loop().run()
    assert raised.group_contains(ZeroDivisionError)
