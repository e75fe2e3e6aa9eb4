from __future__ import annotations

import asyncio
import errno
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from undertone.core.errors import NotFound, Unavailable
from undertone.store import clips
from undertone.store.clips import ClipStore, clip_id, clip_object, part_object

pytestmark = pytest.mark.anyio

NAME = clip_object("exam", "ann-1-0-00")


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    return ClipStore(tmp_path / "data", within_s=5)


async def names(store: ClipStore, prefix: str = "clips") -> set[str]:
    return {found.object async for found in store.list(prefix)}


@contextmanager
def hanging(path: Path) -> Iterator[None]:
    """A named pipe without a writer: opening it to read hangs, as a file on a dead network disk does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    try:
        yield
    finally:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:  # let go of every thread that hangs there
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            except OSError as error:
                assert error.errno == errno.ENXIO  # noqa: PT017 (nobody reads any more)
                break
            time.sleep(0.01)
        path.unlink()


def test_ids_are_one_segment_and_never_the_same() -> None:
    ids = {clip_id("ann", 2, 17) for _ in range(1000)}
    assert len(ids) == 1000
    assert all(re.fullmatch(r"ann-2-17-[0-9a-f]{16}", each) for each in ids)
    assert len({part_object("exam", "ann", 2) for _ in range(1000)}) == 1000
    assert re.fullmatch(r"clips/exam/ann-2-[0-9a-f]{16}\.part", part_object("exam", "ann", 2))


async def test_what_was_put_is_there(store: ClipStore) -> None:
    data = os.urandom(100_000)
    await store.put(NAME, data)
    assert await store.get(NAME) == data
    assert await store.get_range(NAME, 1000, 2000) == data[1000:2000]
    assert await store.get_range(NAME, 99_999, 100_000) == data[-1:]
    assert await store.size(NAME) == 100_000
    assert store.sign(NAME, 300) is None
    [found] = [found async for found in store.list()]
    assert (found.object, found.size) == (NAME, 100_000)
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_nothing_is_overwritten(store: ClipStore) -> None:
    await store.put(NAME, b"first")
    with pytest.raises(FileExistsError):
        await store.put(NAME, b"second")
    assert await store.get(NAME) == b"first"


async def test_what_is_missing_is_not_found_and_may_be_deleted(store: ClipStore) -> None:
    for ask in (store.get(NAME), store.get_range(NAME, 0, 1), store.size(NAME)):
        with pytest.raises(NotFound):
            await ask
    await store.delete(NAME)
    assert await names(store) == set()


async def test_nobody_else_on_the_machine_reads_along(store: ClipStore, tmp_path: Path) -> None:
    await store.put(NAME, b"voice")
    assert (tmp_path / "data" / NAME).stat().st_mode & 0o777 == 0o600


async def test_a_listing_brings_them_all_however_many(store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, "LISTED_AT_A_TIME", 7)
    exam = {clip_object("exam", f"ann-1-{number}-00") for number in range(20)}
    other = {clip_object("exam2", "bob-1-0-00"), part_object("exam2", "bob", 1)}
    for name in exam | other:
        await store.put(name, b"voice")
    assert await names(store) == exam | other
    assert await names(store, "clips/exam") == exam


async def test_a_meetings_folder_goes_with_its_last_object(store: ClipStore, tmp_path: Path) -> None:
    await store.put(NAME, b"voice")
    await store.put(clip_object("exam", "bob-1-0-00"), b"voice")
    await store.delete(NAME)
    assert (tmp_path / "data/clips/exam").is_dir()
    await store.delete(clip_object("exam", "bob-1-0-00"))
    assert not (tmp_path / "data/clips/exam").exists()


async def test_writing_while_the_folder_comes_and_goes(store: ClipStore) -> None:
    async def put_and_delete(participant: str) -> None:
        for number in range(40):
            name = clip_object("exam", clip_id(participant, 1, number))
            await store.put(name, b"voice")
            assert await store.get(name) == b"voice"
            await store.delete(name)

    await asyncio.gather(*(put_and_delete(name) for name in ("ann", "bob", "cid", "dan")))
    assert await names(store) == set()


# --- durable


async def test_the_file_and_every_folder_above_it_are_synced_before_put_returns(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[str, int]] = []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((str(path.relative_to(tmp_path)), path.stat().st_size if path.is_file() else 0))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    await store.put(NAME, b"voice")
    assert synced == [(f"data/{NAME}", 5), ("data/clips/exam", 0), ("data/clips", 0), ("data", 0)]


async def test_what_a_killed_process_half_wrote_is_listed_to_be_swept(store: ClipStore, tmp_path: Path) -> None:
    """It was never named in a row; a listing that hid it would keep it for ever."""
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from undertone.store.clips import _write\n"
        "os.fsync = lambda _: (print('writing', flush=True), sys.stdin.read())\n"
        f"_write(Path({str(tmp_path / 'data')!r}), {NAME!r}, b'voice')\n"
    )
    with Popen([sys.executable, "-c", script], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.kill()
    assert await names(store) == {NAME}


async def test_a_full_disk_is_unavailable_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ClipStore(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="the clip store is away: OSError"):
        await store.put(NAME, b"voice")
    assert await names(store) == set()


async def test_a_folder_that_is_none_is_unavailable(tmp_path: Path) -> None:
    store = ClipStore(tmp_path)
    (tmp_path / "clips").write_text("in the way")
    with pytest.raises(Unavailable):
        await store.put(NAME, b"voice")


# --- hanging


async def test_a_hanging_store_hangs_nobody(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, within_s=0.2)
    with hanging(tmp_path / NAME):
        began = time.monotonic()
        with pytest.raises(Unavailable, match="the clip store is away: TimeoutError"):
            await store.get(NAME)
        assert time.monotonic() - began < 1


async def test_hanging_reads_use_up_neither_threads_nor_the_writers(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, within_s=0.2)
    other = clip_object("exam", "bob-1-0-00")
    with hanging(tmp_path / NAME):
        for _ in range(3):  # each round more than there are threads
            asked = [store.get(NAME) for _ in range(clips.READING_THREADS + 10)]
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(outcome) for outcome in outcomes} == {Unavailable}
        await store.put(other, b"voice")
        with pytest.raises(Unavailable):
            await store.get(other)
    async with asyncio.timeout(5):
        while True:  # the threads come back one by one
            try:
                assert await store.get(other) == b"voice"
                break
            except Unavailable:
                continue


READ_AND_END = """
import asyncio, sys
from pathlib import Path
from undertone.core.errors import Unavailable
from undertone.store.clips import ClipStore

async def read():
    try:
        await ClipStore(Path(sys.argv[1]), within_s=0.2).get(sys.argv[2])
    except Unavailable:
        print("away")

asyncio.run(read())
"""


@pytest.mark.slow
def test_a_hanging_store_keeps_no_process_from_ending(tmp_path: Path) -> None:
    with hanging(tmp_path / NAME), Popen([sys.executable, "-c", READ_AND_END, tmp_path, NAME], stdout=PIPE) as process:
        try:
            said, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (said, process.returncode) == (b"away\n", 0)


async def test_cancelled_it_ends_at_once_and_later_calls_work(tmp_path: Path) -> None:
    store = ClipStore(tmp_path, within_s=30)
    with hanging(tmp_path / NAME):
        task = asyncio.create_task(store.get(NAME))
        await asyncio.sleep(0.05)
        task.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert time.monotonic() - began < 1
    await store.put(clip_object("exam", "bob-1-0-00"), b"voice")
    assert await names(store) == {clip_object("exam", "bob-1-0-00")}


async def test_the_event_loop_goes_on_during_a_write(store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: time.sleep(0.1))
    writing = asyncio.create_task(store.put(NAME, b"voice"))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 5  # one or two, if the loop waited for the disk
