"""The bytes of windows and parts: objects in a folder, read, listed and deleted through `obstore`.

An object is written once, under a name that nobody else uses, and durable before the call returns: only then may a row
name it. Every call runs in a thread and has a deadline: a folder on a dead network disk hangs that thread, never the
caller, and never the event loop.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Thread
from typing import BinaryIO, Final, TypeVar

from obstore.exceptions import BaseError
from obstore.store import LocalStore

from undertone.core.errors import NotFound, Unavailable

# A window's clip (half a megabyte) takes 2-20 ms to a disk; who needs 10 s is as good as away.
ANSWER_WITHIN_S: Final = 10.0
# Writers get threads of their own: however many readers hang, what candidates send is still stored. 16 threads at 20 ms
# a clip are 800 windows a second.
WRITING_THREADS: Final = 16
READING_THREADS: Final = 16
# Objects a listing brings at a time: a folder of 100,000 in a hundred steps of some milliseconds.
LISTED_AT_A_TIME: Final = 1000

# Deleting the last object of a folder removes the folder; to meet that ten times in a row takes more than bad luck.
CREATED_AFTER: Final = 10

ALL_CLIPS: Final = "clips"

T = TypeVar("T")


def clip_id(participant: str, stream: int | None, number: int) -> str:
    """A new id of a window's clip: one path segment, never used again. An upload has no stream's number yet."""
    return f"{participant}-{'upload' if stream is None else stream}-{number}-{secrets.token_hex(8)}"


def clip_object(meeting: str, clip: str) -> str:
    """The object that holds the clip with this id."""
    return f"{ALL_CLIPS}/{meeting}/{clip}.mp3"


def part_object(meeting: str, participant: str, stream: int) -> str:
    """A new name for the object that holds a part of the stream."""
    return f"{ALL_CLIPS}/{meeting}/{participant}-{stream}-{secrets.token_hex(8)}.part"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a listing says of one object; size in bytes."""

    object: str
    modified_at: datetime
    size: int


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


class ClipStore:
    """The objects below `folder`. Every call raises Unavailable if the store is away, or silent for `within_s`."""

    def __init__(self, folder: Path, *, within_s: float = ANSWER_WITHIN_S) -> None:
        self._folder = folder
        self._within_s = within_s
        # Clean-up: a meeting's folder goes with its last object.
        self._store = LocalStore(folder, mkdir=True, automatic_cleanup=True)
        self._writing = Threads(WRITING_THREADS, "clips-write")
        self._reading = Threads(READING_THREADS, "clips-read")

    async def put(self, name: str, data: bytes) -> None:
        """Durable when it returns. An object of this name must not exist: FileExistsError, and it stays as it was."""
        await self._call(self._writing, lambda: _write(self._folder, name, data))

    async def get(self, name: str) -> bytes:
        """The whole object. Raises NotFound."""
        return await self._call(self._reading, lambda: bytes(self._store.get(name).bytes()))

    async def get_range(self, name: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to, not including, `end`; 0 <= start < end <= size. Raises NotFound."""
        return await self._call(self._reading, lambda: bytes(self._store.get_range(name, start=start, end=end)))

    async def size(self, name: str) -> int:
        """Length in bytes. Raises NotFound."""
        return await self._call(self._reading, lambda: self._store.head(name)["size"])

    async def delete(self, name: str) -> None:
        """Gone when it returns, whether it was there or not."""
        with suppress(NotFound):
            await self._call(self._writing, lambda: self._store.delete(name))

    async def list(self, prefix: str = ALL_CLIPS) -> AsyncIterator[Stored]:
        """All objects below the folder `prefix`, in no order; one that comes or goes meanwhile may be in it or not."""
        listing = iter(self._store.list(prefix, chunk_size=LISTED_AT_A_TIME))
        while chunk := await self._call(self._reading, lambda: next(listing, ())):
            for meta in chunk:
                yield Stored(meta["path"], meta["last_modified"], meta["size"])

    def sign(self, name: str, seconds: int) -> str | None:
        """A link to the object that needs no credential for so long; None where the store can't make one: a folder."""
        return None

    async def _call(self, threads: Threads, work: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._within_s):
                return await threads.run(work)
        except FileExistsError:
            raise
        except FileNotFoundError as error:
            raise NotFound("no such clip") from error
        except (OSError, BaseError) as error:  # what peers are told names no path; the cause has it
            raise Unavailable(f"the clip store is away: {type(error).__name__}") from error


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
