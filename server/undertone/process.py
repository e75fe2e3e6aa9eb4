"""What a process needs around what it does: a log, a secret, open files, and a database that may still be starting."""

from __future__ import annotations

import logging
import logging.config
import os
import resource
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import anyio
import anyio.to_thread

from undertone.config import ConfigError, Settings
from undertone.core.errors import Unavailable, UndertoneError
from undertone.store import embedded
from undertone.store.clips import ClipStore
from undertone.store.database import Database
from undertone.store.hearing import Reach, find_reach

log: Final = logging.getLogger("undertone")

SECRET_FILE: Final = "secret"  # noqa: S105  # the file's name, not what is in it
# What a process needs besides sockets: clips, the database's connections, analysis processes, libraries.
FILES_BESIDES_SOCKETS: Final = 200
# Notices are sent 20 ms after the news at the latest; whoever misses one looks by itself within seconds.
LAST_NOTICES_SECONDS: Final = 0.1
# A database that is starting takes seconds; asking twice a second costs nothing and loses half a second at most.
ASK_AGAIN_SECONDS: Final = 0.5
SAY_AGAIN_SECONDS: Final = 10.0
# A look costs 0.2 ms in a thread; candidates bridge 15 minutes, proctors wait for as long as this and a restart.
LOOK_AFTER_SECONDS: Final = 2.0


T = TypeVar("T")


def set_up_logging(level: str) -> None:
    """Lines to stderr: when, how bad, who, what. Nothing of ours goes to stdout but what a command answers."""
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "line": {
                    "format": "%(asctime)s.%(msecs)03d %(levelname)-7s %(name)s: %(message)s",
                    "datefmt": "%Y-%m-%dT%H:%M:%S",
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["stderr"]},
            "loggers": {
                "undertone": {"level": level.upper()},
                # Its INFO repeats what we say; what is wrong in it is worth a line.
                "uvicorn": {"level": "WARNING"},
            },
        }
    )


def raise_open_files() -> int:
    """Raises the limit of open files (`ulimit -n`) as far as it goes; returns how many sockets that leaves room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = soft
    if soft != hard:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
            limit = hard
        except (OSError, ValueError):  # "unlimited" is more than some kernels grant
            log.warning("open files stay limited to %d (ulimit -n): the hard limit can't be taken", soft)
    if limit == resource.RLIM_INFINITY:
        limit = 1_000_000
    sockets = max(1, limit - FILES_BESIDES_SOCKETS)
    raised = f", raised from {soft}" if limit != soft else ""
    log.info("open files: %d (ulimit -n%s), room for %d sockets", limit, raised, sockets)
    return sockets


def signing_secrets(settings: Settings) -> tuple[str, ...]:
    """The configured secrets, or the one in the data folder, which is made where there is none. Raises ConfigError."""
    if settings.secret:
        return settings.secret
    path = settings.data / SECRET_FILE
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        return (_made_secret(path),)
    except OSError as error:
        raise ConfigError(
            f"no secret can be kept in {path}: {error.strerror}; set UNDERTONE_SECRET or --data"
        ) from None


def _made_secret(path: Path) -> str:
    """Written whole beside its place, then linked there: of two processes that start at once both read one secret."""
    if not path.exists():
        draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(draft, path)
                log.info("made a secret: %s signs tokens from now on", path)
            except FileExistsError:
                pass
        finally:
            draft.unlink()
    secret = path.read_text().strip()
    if not secret:
        raise ConfigError(f"{path} is empty: remove it, then one is made")
    return secret


@asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """Where the database is: as configured, or our own in the data folder, running for as long as somebody uses it."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    log.info("starting PostgreSQL in %s", settings.data)
    server = await anyio.to_thread.run_sync(embedded.start, settings.data)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_keep_running, server)
            yield server.dsn
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(server.stop)


async def _keep_running(server: embedded.EmbeddedPostgres) -> None:
    """PostgreSQL may be killed by others than us: nobody needs to be woken for that."""
    while True:
        await anyio.sleep(LOOK_AFTER_SECONDS)
        try:
            await anyio.to_thread.run_sync(server.ensure_running)
        except embedded.PostgresNotStarted as fault:
            log.error("PostgreSQL died and could not be started again; trying on: %s", fault)


async def connect_patiently(database: Database) -> None:
    """Waits for a database that is away, and says so. Raises WrongDatabase for one that can't be used."""
    await _patiently("database", database.connect)


async def reach_patiently(settings: Settings, url: str) -> Reach:
    """How the database is reached; waits like `connect_patiently`. Our own in the data folder is asked directly."""
    if settings.database_url is None:
        if settings.listen_url is not None:
            raise ConfigError("UNDERTONE_LISTEN_URL is the way past a pooler: set UNDERTONE_DATABASE_URL too")
        return Reach(url, url)
    return await _patiently("database", lambda: find_reach(url, settings.listen_url))


async def check_patiently(clips: ClipStore) -> None:
    """Waits for a clip store that is away, and says so. Raises WrongStore where waiting would not help."""
    await _patiently("clip store", clips.check)


async def _patiently(what: str, attempt: Callable[[], Awaitable[T]]) -> T:
    said = -SAY_AGAIN_SECONDS
    while True:
        try:
            return await attempt()
        except Unavailable as fault:
            if anyio.current_time() - said >= SAY_AGAIN_SECONDS:
                # The cause names hosts and roles: for our own log, not for peers.
                log.warning("waiting for the %s: %s: %s", what, fault.detail, fault.__cause__)
                said = anyio.current_time()
        await anyio.sleep(ASK_AGAIN_SECONDS)


class Ending:
    """A part that can be ended before those it needs, and waited for."""

    def __init__(self, part: Callable[[], Awaitable[None]]) -> None:
        self._part = part
        self._scope = anyio.CancelScope()
        self._ended = anyio.Event()

    async def run(self) -> None:
        """Until the part ends, or is told to."""
        with self._scope:
            await self._part()
        self._ended.set()

    async def stop(self) -> None:
        """Tells it to end, and waits until it has."""
        self._scope.cancel()
        await self._ended.wait()


def told_plainly(error: BaseException) -> str | None:
    """What to say of an error that was foreseen and says itself what would be right; None for a bug."""
    if isinstance(error, BaseExceptionGroup):
        told = [told_plainly(each) for each in error.exceptions]
        return None if None in told else "; ".join(dict.fromkeys(each for each in told if each))
    if not isinstance(error, UndertoneError):
        return None
    return f"{error}: {error.__cause__}" if isinstance(error, Unavailable) else str(error)
