from __future__ import annotations

import asyncio
import errno
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from undertone.core.errors import Unavailable
from undertone.store import clips_folder
from undertone.store.clips import ClipStore, WrongStore, clip_id, clip_object
from undertone.store.clips_folder import FolderClips

pytestmark = pytest.mark.anyio

NAME = clip_object("exam", "ann-1-0-00")


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    return FolderClips(tmp_path / "data", within_s=5)


async def names(store: ClipStore) -> set[str]:
    return {found.object async for found in store.list()}


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


async def test_nobody_else_on_the_machine_reads_along(store: ClipStore, tmp_path: Path) -> None:
    await store.put(NAME, b"voice")
    assert (tmp_path / "data" / NAME).stat().st_mode & 0o777 == 0o600


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
        "from undertone.store.clips_folder import _write\n"
        "os.fsync = lambda _: (print('writing', flush=True), sys.stdin.read())\n"
        f"_write(Path({str(tmp_path / 'data')!r}), {NAME!r}, b'voice')\n"
    )
    with Popen([sys.executable, "-c", script], stdin=PIPE, stdout=PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"writing\n"
        process.kill()
    assert await names(store) == {NAME}


async def test_a_full_disk_is_unavailable_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderClips(tmp_path)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(Unavailable, match="the clip store is away: OSError"):
        await store.put(NAME, b"voice")
    assert await names(store) == set()


async def test_a_folder_that_is_none_is_unavailable(tmp_path: Path) -> None:
    store = FolderClips(tmp_path)
    (tmp_path / "clips").write_text("in the way")
    with pytest.raises(Unavailable):
        await store.put(NAME, b"voice")


async def test_a_place_that_can_be_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WrongStore, match="is no folder and can't be made one: name another with UNDERTONE_CLIPS"):
        FolderClips(tmp_path / "file")


async def test_a_folder_is_tried_before_anybody_relies_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = FolderClips(tmp_path)
    await store.check()
    assert await names(store) == set()

    def read_only(*_: object, **__: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    with pytest.raises(WrongStore, match="give this user the right to write there"):
        await store.check()


async def test_a_folder_without_space_is_said_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    await FolderClips(tmp_path).check()
    assert "No space left on device" in caplog.text


# --- hanging


async def test_a_hanging_store_hangs_nobody(tmp_path: Path) -> None:
    store = FolderClips(tmp_path, within_s=0.2)
    with hanging(tmp_path / NAME):
        began = time.monotonic()
        with pytest.raises(Unavailable, match="the clip store is away: TimeoutError"):
            await store.get(NAME)
        assert time.monotonic() - began < 1


async def test_hanging_reads_use_up_neither_threads_nor_the_writers(tmp_path: Path) -> None:
    store = FolderClips(tmp_path, within_s=0.2)
    other = clip_object("exam", "bob-1-0-00")
    with hanging(tmp_path / NAME):
        for _ in range(3):  # each round more than there are threads
            asked = [store.get(NAME) for _ in range(clips_folder.READING_THREADS + 10)]
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
from undertone.store.clips_folder import FolderClips

async def read():
    try:
        await FolderClips(Path(sys.argv[1]), within_s=0.2).get(sys.argv[2])
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
    store = FolderClips(tmp_path, within_s=30)
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
