"""What can be in the way of an embedded PostgreSQL: each named, with what would be right."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.store.holder import Holder, ask, running
from undertone.store import embedded
from undertone.store.embedded_faults import name_fault


def test_data_of_another_version_is_left_alone(data_dir: Path) -> None:
    data = data_dir / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n")
    with pytest.raises(embedded.OtherVersion, match=r"PostgreSQL 16.*this is 18.*pg_dump.*--data"):
        embedded.start(data_dir)
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_that_is_no_database_is_left_alone(data_dir: Path) -> None:
    data = data_dir / "postgres" / "data"
    data.mkdir(parents=True)
    (data / "thesis.txt").write_text("three years")
    with pytest.raises(embedded.OtherVersion, match="no version at all"):
        embedded.start(data_dir)
    assert (data / "thesis.txt").read_text() == "three years"


def test_a_file_where_the_folder_should_be_is_named(data_dir: Path) -> None:
    (data_dir / "here").write_text("")
    with pytest.raises(embedded.PostgresNotStarted, match=str(data_dir / "here")):
        embedded.start(data_dir / "here")


@pytest.mark.slow
def test_an_error_quotes_the_end_of_the_log_of_this_start(data_dir: Path) -> None:
    embedded.start(data_dir, durable=False).stop()
    log = data_dir / "postgres" / "log"
    log.write_text("an older story\n")
    with (data_dir / "postgres" / "data" / "postgresql.conf").open("a") as settings:
        settings.write("no_such_setting = 1\n")
    with pytest.raises(embedded.PostgresNotStarted, match="no_such_setting") as caught:
        embedded.start(data_dir)
    assert str(log) in str(caught.value)
    assert "older story" not in str(caught.value)


@pytest.mark.slow
def test_a_log_that_grew_too_long_is_moved_aside(data_dir: Path) -> None:
    embedded.start(data_dir, durable=False).stop()
    log = data_dir / "postgres" / "log"
    log.write_bytes(b"x" * (11 * 1024 * 1024))
    with embedded.start(data_dir, durable=False) as server:
        assert server.log.stat().st_size < 10_000
    assert (data_dir / "postgres" / "log.1").stat().st_size == 11 * 1024 * 1024


@pytest.mark.slow
def test_a_start_that_failed_holds_nothing(data_dir: Path) -> None:
    data = data_dir / "postgres" / "data"
    data.mkdir(parents=True)
    with pytest.raises(embedded.OtherVersion):
        embedded.start(data_dir)
    shutil.rmtree(data_dir / "postgres")
    with Holder(data_dir) as other:
        assert ask(other.dsn, "select 1") == 1


@pytest.mark.slow
def test_who_removes_the_folder_under_a_running_one_can_still_leave(data_dir: Path) -> None:
    server = embedded.start(data_dir / "short-lived", durable=False)
    process = running(data_dir / "short-lived")
    shutil.rmtree(data_dir / "short-lived")
    server.stop()
    process.terminate()  # rather than wait until it looks


@pytest.mark.parametrize(
    ("said", "fault", "advice"),
    [
        ('FATAL:  could not write lock file "postmaster.pid": No space left on device', embedded.DiskFull, "room"),
        ("initdb: error: could not create directory: Disk quota exceeded", embedded.DiskFull, "another --data"),
        ('could not access directory "/data": Permission denied', embedded.FolderForbidden, "owner"),
        ("could not create directory: Read-only file system", embedded.FolderForbidden, "writable"),
        ("could not map anonymous shared memory: Cannot allocate memory", embedded.PostgresNotStarted, "memory"),
        ("", embedded.PostgresNotStarted, "said nothing"),
    ],
)
def test_what_postgres_says_is_named(said: str, fault: type[Exception], advice: str) -> None:
    named = name_fault(Path("/data"), "starting PostgreSQL", said)
    assert type(named) is fault
    assert advice in str(named)
    assert said in str(named)
