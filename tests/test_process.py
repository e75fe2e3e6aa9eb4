"""What surrounds a process: its secret, its open files, its words at the end."""

from __future__ import annotations

import logging
import os
import resource
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import pytest

from tests.serving import ROOT, clean_environment
from undertone.choices import clip_store
from undertone.config import ConfigError, Settings
from undertone.core.errors import Unavailable
from undertone.process import (
    FILES_BESIDES_SOCKETS,
    Ending,
    connect_patiently,
    reach_patiently,
    signing_secrets,
    told_plainly,
)
from undertone.store.database import Database

pytestmark = pytest.mark.slow


def test_a_secret_that_was_set_is_taken_and_none_is_made(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data", secret=("one", "two"))
    assert signing_secrets(settings) == ("one", "two")
    assert not (tmp_path / "data").exists()


def test_a_secret_is_made_once_for_the_user_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    [secret] = signing_secrets(settings)
    assert len(secret) >= 32
    assert signing_secrets(settings) == (secret,)
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]


def test_who_starts_at_the_same_moment_has_the_same_secret(tmp_path: Path) -> None:
    for number in range(20):
        settings = Settings(data=tmp_path / str(number))
        with ThreadPoolExecutor(8) as threads:
            assert len(set(threads.map(lambda _, said=settings: signing_secrets(said), range(8)))) == 1


def test_an_empty_secret_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(ConfigError, match="is empty: remove it"):
        signing_secrets(Settings(data=tmp_path))


def test_a_folder_that_can_not_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="set UNDERTONE_SECRET or --data"):
        signing_secrets(Settings(data=tmp_path / "file"))


RAISE = """
import logging, resource
from undertone.process import raise_open_files, set_up_logging
resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}))
set_up_logging("info")
print(raise_open_files(), *resource.getrlimit(resource.RLIMIT_NOFILE))
"""


@pytest.mark.parametrize(("soft", "hard"), [(256, 1024), (1024, 1024)])
def test_open_files_are_raised_as_far_as_they_go_and_said(soft: int, hard: int) -> None:
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] >= hard
    ended = subprocess.run(
        [sys.executable, "-c", RAISE.format(soft=soft, hard=hard)],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.split() == [str(hard - FILES_BESIDES_SOCKETS), str(hard), str(hard)]
    assert f"open files: {hard}" in ended.stderr
    assert (f"raised from {soft}" in ended.stderr) is (soft != hard)


def test_what_was_foreseen_is_told_plainly_and_a_bug_is_not() -> None:
    away = Unavailable("the database is away: OSError")
    away.__cause__ = OSError("no route")
    assert told_plainly(away) == "the database is away: OSError: no route"
    wrong = ConfigError("set --port")
    assert told_plainly(ExceptionGroup("", [wrong, ExceptionGroup("", [wrong])])) == "set --port"
    assert told_plainly(ExceptionGroup("", [wrong, ValueError("x")])) is None
    assert told_plainly(ValueError("x")) is None


@pytest.mark.anyio
async def test_an_absent_database_is_waited_for_and_said_once_in_a_while(
    database_url: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database(database_url)
    connect, refused = database.connect, 3

    async def refusing() -> None:
        nonlocal refused
        refused -= 1
        if refused >= 0:
            raise Unavailable("the database is away: ConnectionRefusedError")
        await connect()

    monkeypatch.setattr(database, "connect", refusing)
    monkeypatch.setattr("undertone.process.ASK_AGAIN_SECONDS", 0.01)
    with caplog.at_level(logging.WARNING, "undertone"):
        await connect_patiently(database)
    assert len(caplog.records) == 1
    assert await database.fetch_one("select 1 as one") is not None
    await database.close()


@pytest.mark.anyio
async def test_settings_that_lack_their_other_half_are_told() -> None:
    with pytest.raises(ConfigError, match="set UNDERTONE_DATABASE_URL too"):
        await reach_patiently(Settings(listen_url="postgresql://h/d"), "postgresql://h/d")
    with pytest.raises(ConfigError, match="name one with UNDERTONE_CLIPS=s3://bucket/prefix"):
        clip_store(Settings(clips_endpoint="https://minio.example.org"))


@pytest.mark.anyio
async def test_a_part_is_ended_before_those_it_needs() -> None:
    order: list[str] = []

    async def part() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.01)
                order.append("ended")

    ending = Ending(part)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(ending.run)
        await anyio.wait_all_tasks_blocked()
        await ending.stop()
        order.append("told")
    assert order == ["ended", "told"]


def test_analysis_processes_run_the_command_again_without_doing_anything() -> None:
    """As anyio starts them: the main module under another name, and nothing heavy with it."""
    loaded = "import sys, runpy; runpy.run_module('undertone.__main__', run_name='__mp_main__'); print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", loaded],
        cwd=ROOT,
        env={**clean_environment(), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not {"uvicorn", "starlette", "asyncpg", "onnxruntime", "av", "numpy"} & set(ended.stdout.split())
