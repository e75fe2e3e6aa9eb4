"""What every test may ask for: a database of its own on a real PostgreSQL, and the speech beside the repository."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import hypothesis
import pytest

from tests.store.pooler import MISSING, pgbouncer
from undertone.store import embedded

if TYPE_CHECKING:
    from tests.standins.s3 import S3

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
TEMPLATE = "with_schema"

# Nobody but root runs PostgreSQL as somebody else, or mounts a disk of the size a test wants.
collect_ignore = [] if os.geteuid() == 0 else ["store/test_embedded_as_root.py", "end_to_end/test_disk.py"]

# The files that take longest, in this order (`pytest --durations=80`): begun last, one of them would run on alone.
LONGEST = (
    "browser/candidate/test_line.py",
    "end_to_end/rubbish/test_rubbish.py",
    "end_to_end/test_simulate.py",
    "chaos/test_chaos.py",
    "browser/test_whole_way.py",
    "browser/test_sidebar_figures.py",
    "browser/test_looks.py",
    "browser/candidate/test_device.py",
    "browser/candidate/test_check.py",
    "end_to_end/test_bucket.py",
    "end_to_end/test_nodes.py",
    "end_to_end/test_simulate_kill.py",
    "end_to_end/test_disk.py",
    "bench/load/test_load.py",
    "end_to_end/test_streams.py",
)

LEFT_OUT = "left_out"

# On a machine with other work an example takes as long as it takes; pytest's own limit catches what hangs.
hypothesis.settings.register_profile("undertone", deadline=None)
hypothesis.settings.load_profile("undertone")

_left_out = pytest.StashKey[dict[str, int]]()


def missing() -> dict[str, str]:
    """What this machine lacks, in words, by the marker of the tests that need it."""
    lacks = {}
    if not SHARED.is_dir() and os.environ.get("CI") != "true":
        lacks["shared"] = "../shared, which is missing"
    if not (shutil.which("pulseaudio") and (shutil.which("firefox-esr") or shutil.which("firefox"))):
        lacks["firefox"] = "Firefox and PulseAudio: `make firefox` installs them"
    if pgbouncer() is None:
        lacks["pgbouncer"] = MISSING
    return lacks


def _rank(item: pytest.Item) -> int:
    """Where a test's file stands among those that take longest."""
    name = item.path.relative_to(ROOT / "tests").as_posix()
    return LONGEST.index(name) if name in LONGEST else len(LONGEST)


@pytest.hookimpl(trylast=True)  # after -m and -k have had their say
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(key=_rank)
    counts = config.stash.setdefault(_left_out, {})
    for marker, what in missing().items():
        needing = [item for item in items if item.get_closest_marker(marker)]
        if needing:
            counts[what] = len(needing)
            config.hook.pytest_deselected(items=needing)
            items[:] = [item for item in items if item not in needing]


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("shared") and not SHARED.is_dir():
        pytest.fail("needs ../shared, which is missing, and CI=true wants every test", pytrace=False)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """One of several processes tells the one that prints."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[LEFT_OUT] = session.config.stash.get(_left_out, {})


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """All of them collect the same tests."""
    node.config.stash[_left_out] = getattr(node, "workeroutput", {}).get(LEFT_OUT, {})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for what, tests in config.stash.get(_left_out, {}).items():
        terminalreporter.write_line(f"left out: {tests} tests that need {what}")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """The event loop that serves."""
    return "asyncio"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The speech and noise beside the repository; for tests marked `shared`."""
    return SHARED


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """Within the reach of the user that root runs PostgreSQL as, which `tmp_path` is not, and short."""
    folder = Path(tempfile.mkdtemp(prefix="undertone-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """An empty data folder for `undertone serve` and `embedded.start`, which `tmp_path` is too private for."""
    with short_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[embedded.EmbeddedPostgres]:
    """One PostgreSQL for the whole run. Each test takes a `database_url` of it."""
    with short_folder() as folder, embedded.start(folder, durable=False) as server:
        asyncio.run(make_template(server))
        yield server


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    """One S3 for the whole run."""
    from tests.standins.s3 import running_s3  # a second of imports, which few tests need

    with running_s3() as s3:
        yield s3


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    """An S3 that behaves, and its credentials in the environment."""
    from tests.standins.s3 import CREDENTIALS

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    yield s3_server
    s3_server.behave()
    s3_server.seen.clear()


async def make_template(server: embedded.EmbeddedPostgres) -> None:
    await _run(server.dsn, f"create database {TEMPLATE}")
    await _run(server.url(TEMPLATE), (ROOT / "schema.sql").read_text())


async def _run(url: str, statements: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statements)
    finally:
        await connection.close()


_numbers = count(1)


@pytest.fixture
def database_url(postgres: embedded.EmbeddedPostgres) -> Iterator[str]:
    """An empty database with the schema, for `databases` and asyncpg; gone after the test, whoever is still in it."""
    name = f"test_{next(_numbers)}"
    # Copying files is faster than through the log, which pays only for templates that are in use.
    asyncio.run(_run(postgres.dsn, f"create database {name} template {TEMPLATE} strategy file_copy"))
    yield postgres.url(name)
    asyncio.run(_run(postgres.dsn, f"drop database {name} with (force)"))
