"""The embedded PostgreSQL with real processes: shared, left, killed, and found again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import random
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from databases import Database

from tests.store.holder import Holder, ask, kill_postmaster, postmaster, running
from undertone.store import embedded
from undertone.store.embedded_place import find_place

pytestmark = pytest.mark.slow

AS_ROOT = os.geteuid() == 0
# As root both are tried: root itself, and a user who drops root's rights first.
USERS = [None, "nobody"] if AS_ROOT else [None]


@pytest.fixture(params=USERS, ids=lambda user: user or "as we are")
def user(request: pytest.FixtureRequest, data_dir: Path) -> str | None:
    """Who uses the database; the data folder is theirs."""
    if request.param is not None:
        account = pwd.getpwnam(request.param)
        os.chown(data_dir, account.pw_uid, account.pw_gid)
    chosen: str | None = request.param
    return chosen


def test_a_cold_start_makes_a_database_that_both_libraries_reach(data_dir: Path) -> None:
    async def through_databases(dsn: str) -> object:
        async with Database(dsn) as database:
            async with database.transaction():
                await database.execute("create table kept (value jsonb)")
                await database.execute(
                    """insert into kept values (cast(:value as jsonb))""", {"value": '{"colon": "a:b"}'}
                )
            return await database.fetch_val("select value ->> 'colon' from kept")

    with embedded.start(data_dir, durable=False) as server:
        assert asyncio.run(through_databases(server.dsn)) == "a:b"
        assert ask(server.dsn, "select count(*) from kept") == 1
        assert ask(server.dsn, "select current_setting('server_encoding')") == "UTF8"
        assert not [at for at in running(data_dir).net_connections() if at.status == "LISTEN"], "no network"
    assert postmaster(data_dir) is None


@pytest.mark.slow
def test_what_was_promised_durable_is(data_dir: Path) -> None:
    with embedded.start(data_dir) as server:
        for setting in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert ask(server.dsn, f"show {setting}") == "on"


def test_two_holds_of_one_process_count_as_two(data_dir: Path) -> None:
    first, second = (embedded.start(data_dir, durable=False) for _ in range(2))
    first.stop()
    first.stop()
    assert ask(second.dsn, "select 1") == 1
    with pytest.raises(embedded.PostgresNotStarted):
        first.ensure_running()
    second.stop()
    assert postmaster(data_dir) is None


@pytest.mark.slow
def test_the_last_process_out_stops_it_and_the_data_stays(data_dir: Path, user: str | None) -> None:
    with Holder(data_dir, user=user) as first:
        ask(first.dsn, "create table kept (value int)", "insert into kept values (7) returning value")
        found = running(data_dir)
        assert found.uids().real != 0
        assert os.getsid(found.pid) != os.getsid(first.process.pid), "Ctrl-C in our terminal is not for it"
        with Holder(data_dir, user=user) as second:
            assert second.dsn == first.dsn
            first.finish()
            assert ask(second.dsn, "select value from kept") == 7
            assert running(data_dir) == found
            second.finish()
        assert postmaster(data_dir) is None
    with Holder(data_dir, user=user) as third:
        assert ask(third.dsn, "select value from kept") == 7


@pytest.mark.slow
def test_after_kill_9_of_everybody_the_next_takes_it_over(data_dir: Path, user: str | None) -> None:
    with Holder(data_dir, user=user) as first, Holder(data_dir, user=user) as second:
        ask(first.dsn, "create table kept (value int)", "insert into kept values (7) returning value")
        assert second.dsn
        found = running(data_dir)
        first.kill()
        second.kill()
    assert running(data_dir) == found
    with Holder(data_dir, user=user) as third:
        assert ask(third.dsn, "select value from kept") == 7
        assert running(data_dir) == found
        third.finish()
    assert postmaster(data_dir) is None


@pytest.mark.slow
def test_after_kill_9_of_one_the_other_still_has_it_and_stops_it(data_dir: Path) -> None:
    with Holder(data_dir) as first, Holder(data_dir) as second:
        assert first.dsn == second.dsn
        first.kill()
        assert ask(second.dsn, "select 1") == 1
        second.finish()
    assert postmaster(data_dir) is None


@pytest.mark.slow
def test_a_killed_postmaster_is_started_again(data_dir: Path, user: str | None) -> None:
    with Holder(data_dir, user=user) as first:
        ask(first.dsn, "create table kept (value int)", "insert into kept values (7) returning value")
        killed = kill_postmaster(data_dir)
        with Holder(data_dir, user=user) as second:
            assert ask(second.dsn, "select value from kept") == 7
            assert running(data_dir) != killed
            assert ask(first.dsn, "select value from kept") == 7, "at the same address"


@pytest.mark.slow
def test_who_holds_it_can_have_it_started_again(data_dir: Path) -> None:
    with embedded.start(data_dir, durable=False) as server:
        ask(server.dsn, "create table kept (value int)", "insert into kept values (7) returning value")
        kill_postmaster(data_dir)
        server.ensure_running()
        assert ask(server.dsn, "select value from kept") == 7
        found = running(data_dir)
        server.ensure_running()
        assert running(data_dir) == found


@pytest.mark.slow
def test_a_busy_backend_of_a_killed_postmaster_is_in_nobodys_way(data_dir: Path) -> None:
    with embedded.start(data_dir, durable=False) as server:
        place = find_place(data_dir)
        busy = "do $$ begin for i in 1..100000 loop perform sum(n) from generate_series(1, 100000) n; end loop; end $$"
        command: list[str | Path] = [place.programs / "psql", "-h", str(place.sockets), "-U", "undertone", "-c", busy]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as client:
            while ask(server.dsn, "select count(*) from pg_stat_activity where query like 'do %'") != 1:
                time.sleep(0.05)
            kill_postmaster(data_dir)
            server.ensure_running()
            assert ask(server.dsn, "select 1") == 1
            client.kill()


@pytest.mark.slow
def test_everything_killed_at_once_leaves_what_was_committed(data_dir: Path, user: str | None) -> None:
    with Holder(data_dir, user=user) as first:
        ask(first.dsn, "create table kept (value int)", "insert into kept values (7) returning value")
        top = running(data_dir)
        doomed = [top, *top.children()]
        first.kill()
        for process in doomed:
            with contextlib.suppress(psutil.NoSuchProcess):  # it saw its postmaster die
                process.kill()
    assert (data_dir / "postgres" / "data" / "postmaster.pid").exists()
    with Holder(data_dir, user=user) as second:
        assert ask(second.dsn, "select value from kept") == 7


@pytest.mark.slow
def test_the_number_of_a_dead_postmaster_may_be_anybodys_by_now(data_dir: Path, user: str | None) -> None:
    with Holder(data_dir, user=user) as first:
        assert first.dsn
        left_behind = (data_dir / "postgres" / "data" / "postmaster.pid").read_text().split("\n")
        owner = (data_dir / "postgres" / "data").stat()
    with subprocess.Popen(["sleep", "60"], user=owner.st_uid if AS_ROOT else None) as somebody:
        stale = data_dir / "postgres" / "data" / "postmaster.pid"
        stale.write_text("\n".join([str(somebody.pid), *left_behind[1:]]))
        os.chown(stale, owner.st_uid, owner.st_gid)
        with Holder(data_dir, user=user) as second:
            assert ask(second.dsn, "select 1") == 1
            assert somebody.poll() is None
        somebody.kill()


@pytest.mark.slow
def test_starts_at_the_same_moment_make_one_database(data_dir: Path, user: str | None) -> None:
    holders = [Holder(data_dir, user=user) for _ in range(4)]
    assert len({holder.dsn for holder in holders}) == 1
    pids = {ask(holder.dsn, "select pg_postmaster_start_time()::text") for holder in holders}
    assert len(pids) == 1
    for holder in holders:
        holder.finish()
        holder.__exit__()
    assert postmaster(data_dir) is None


@pytest.mark.slow
def test_one_that_comes_while_the_last_one_goes_has_a_database(data_dir: Path) -> None:
    going = Holder(data_dir)
    for pause in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):  # imports take some 0.3 s, a stop 0.1 s
        assert going.dsn
        coming = Holder(data_dir)
        time.sleep(pause)
        going.finish()
        going.__exit__()
        assert ask(coming.dsn, "select 1") == 1
        going = coming
    going.finish()
    going.__exit__()
    assert postmaster(data_dir) is None


@pytest.mark.slow
def test_a_start_killed_at_any_moment_is_no_trouble_to_the_next(data_dir: Path) -> None:
    chance = random.Random(20261123)
    for _ in range(12):
        with Holder(data_dir) as holder:
            time.sleep(chance.uniform(0.1, 1.4))  # imports, initdb, the database, the start, the wait
            holder.kill()
    with Holder(data_dir) as holder:
        assert ask(holder.dsn, "select 1") == 1
        holder.finish()
    assert postmaster(data_dir) is None
    time.sleep(1.5)  # an initdb whose process was killed ends by then
    with Holder(data_dir) as holder:
        holder.finish()
    assert not list((data_dir / "postgres").glob("data-*")), "what the killed ones began is cleared away"


@pytest.fixture
def far(data_dir: Path) -> Iterator[Path]:
    """A folder whose path leaves no room for a socket's, with all that needs quoting in it."""
    folder = data_dir / 'it\'s 100% "far", and é'.ljust(60, "_") / ("deep" * 20)
    yield folder
    assert not list(data_dir.glob("undertone-*"))


@pytest.mark.slow
def test_a_long_path_has_its_socket_elsewhere(far: Path, data_dir: Path) -> None:
    with Holder(far, TMPDIR=str(data_dir)) as first, Holder(far, TMPDIR=str(data_dir)) as second:
        assert first.dsn == second.dsn
        assert ask(second.dsn, "select 1") == 1
        folder = (far / "postgres" / "socket").readlink()
        assert folder.parent == data_dir
        assert folder.stat().st_mode & 0o077 == 0
        first.kill()
        second.kill()
    with Holder(far, TMPDIR=str(data_dir)) as third:
        assert ask(third.dsn, "select 1") == 1


@pytest.mark.slow
def test_a_name_that_needs_quoting_is_a_name(data_dir: Path) -> None:
    with embedded.start(data_dir / 'it\'s 100% "a", é', durable=False) as server:
        assert ask(server.dsn, "select 1") == 1
