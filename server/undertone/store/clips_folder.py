"""Clips in a folder: objects read, listed and deleted through `obstore`, and written durably.

Every call runs in a thread and has a deadline: a folder on a dead network disk hangs that thread, never the caller, and
never the event loop.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final, TypeVar

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from undertone.core.errors import NotFound, Unavailable
from undertone.store.clips import ALL_CLIPS, ANSWER_WITHIN_S, LISTED_AT_A_TIME, ClipStore, Stored, WrongStore, away

log: Final = logging.getLogger("undertone")

# Writers get threads of their own: however many readers hang, what candidates send is still stored. 16 threads at 20 ms
# a clip are 800 windows a second.
WRITING_THREADS: Final = 16
READING_THREADS: Final = 16
# Deleting the last object of a folder removes the folder; to meet that ten times in a row takes more than bad luck.
CREATED_AFTER: Final = 10

T = TypeVar("T")


class Threads:
    """At most `count` threads. One that hangs counts until it comes back, though its caller has long given up: neither
    threads nor the bytes of what waits pile up. Nor does the process wait for it to end, as it would for an executor's.
    """

    def __init__(self, count: int, name: str) -> None:
        self._name = name
        self._free = asyncio.Semaphore(count)

    async def run(self, work: Callable[[], T]) -> T:
        """What `work` returns or raises. Cancelled, it leaves the thread to itself."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: Future[T] = Future()
        answer.set_running_or_notify_cancel()  # from here on it can't be called off

        def thread() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:  # noqa: BLE001 - handed to whoever waits
                answer.set_exception(error)
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(self._free.release)

        # A thread a call: starting one takes 50 us, writing a clip 2 ms at least.
        try:
            Thread(target=thread, name=self._name, daemon=True).start()
        except RuntimeError as error:
            self._free.release()
            raise OSError("this machine starts no more threads") from error
        return await asyncio.wrap_future(answer)


class FolderClips(ClipStore):
    """The objects below `folder`, which is made if need be. Raises WrongStore if it can't be."""

    def __init__(
        self, folder: Path, *, within_s: float = ANSWER_WITHIN_S, listed_at_a_time: int = LISTED_AT_A_TIME
    ) -> None:
        self._folder = folder
        self._within_s = within_s
        self._listed_at_a_time = listed_at_a_time
        try:
            # Clean-up: a meeting's folder goes with its last object.
            self._store = LocalStore(folder, mkdir=True, automatic_cleanup=True)
        except (BaseError, OSError):
            raise WrongStore(
                f"{folder} is no folder and can't be made one: name another with UNDERTONE_CLIPS"
            ) from None
        self._writing = Threads(WRITING_THREADS, "clips-write")
        self._reading = Threads(READING_THREADS, "clips-read")

    async def put(self, name: str, data: bytes) -> None:
        await self._call(self._writing, lambda: _write(self._folder, name, data))

    async def get(self, name: str) -> bytes:
        return await self._call(self._reading, lambda: bytes(self._store.get(name).bytes()))

    async def get_range(self, name: str, start: int, end: int) -> bytes:
        return await self._call(self._reading, lambda: bytes(self._store.get_range(name, start=start, end=end)))

    async def delete(self, name: str) -> None:
        with suppress(NotFound):
            await self._call(self._writing, lambda: self._store.delete(name))

    async def list(self, prefix: str = ALL_CLIPS) -> AsyncIterator[Stored]:
        listing = iter(self._store.list(prefix, chunk_size=self._listed_at_a_time))
        while chunk := await self._call(self._reading, lambda: next(listing, ())):
            for meta in chunk:
                yield Stored(meta["path"], meta["last_modified"], meta["size"])

    async def check(self) -> None:
        """A folder that nobody may write to is the wrong one; a full or a silent one gets its space and its time."""
        try:
            await super().check()
        except Unavailable as fault:
            if isinstance(fault.__cause__, PermissionError) or getattr(fault.__cause__, "errno", None) == errno.EROFS:
                raise WrongStore(
                    f"clips can't be kept in {self._folder}: {fault.__cause__}; give this user the right to write "
                    "there, or name another folder with UNDERTONE_CLIPS"
                ) from None
            log.warning("clips can't be kept in %s at present: %s: %s", self._folder, fault.detail, fault.__cause__)

    async def _call(self, threads: Threads, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._within_s):
                return await threads.run(work)
        except FileExistsError:
            raise
        except FileNotFoundError as error:
            raise NotFound("no such clip") from error
        except (OSError, BaseError) as error:
            raise away(type(error).__name__) from error


def _write(folder: Path, name: str, data: bytes) -> None:
    """Not through obstore: its local store syncs neither the file nor its folder, and what it leaves behind when killed
    in mid-write is in no listing, so that nobody would ever sweep it. Nobody reads a name before a row tells it: there
    is no need to write elsewhere first and move.
    """
    path = folder / name
    with _created(path) as file:
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)  # a full disk gets its space back
            raise
    for parent in path.relative_to(folder).parents:  # each may be new, and an entry is durable with its folder alone
        _sync_folder(folder / parent)


def _created(path: Path) -> BinaryIO:
    for _ in range(CREATED_AFTER):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, FileNotFoundError):
            continue  # it, or what it lies in, went in this very moment
        with suppress(FileNotFoundError):  # the folder was empty, and went with the last object of somebody else
            return open(path, "xb", opener=_private)
    raise OSError(f"{path.parent} goes away as fast as it is made")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
