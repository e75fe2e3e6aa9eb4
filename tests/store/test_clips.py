"""What every clip store promises, kept by a folder and by a bucket alike."""

from __future__ import annotations

import asyncio
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.standins.s3 import S3
from tests.store.buckets import bucket_clips, google_clips
from undertone.core.errors import NotFound
from undertone.store.clips import ClipStore, clip_id, clip_object, part_object
from undertone.store.clips_folder import FolderClips

pytestmark = pytest.mark.anyio

NAME = clip_object("exam", "ann-1-0-00")


@pytest.fixture(params=["folder", "bucket", "google"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ClipStore:
    """Lists seven at a time: a listing of more takes several steps."""
    if request.param == "folder":
        return FolderClips(tmp_path / "data", within_s=5, listed_at_a_time=7)
    s3: S3 = request.getfixturevalue("s3")
    if request.param == "google":
        return google_clips(s3, tmp_path, request.getfixturevalue("monkeypatch"), listed_at_a_time=7)
    return bucket_clips(s3, listed_at_a_time=7)


async def names(store: ClipStore, prefix: str = "clips") -> set[str]:
    return {found.object async for found in store.list(prefix)}


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
    [found] = [found async for found in store.list()]
    assert (found.object, found.size) == (NAME, 100_000)
    assert abs(found.modified_at - datetime.now(UTC)) < timedelta(minutes=1)


async def test_nothing_is_overwritten(store: ClipStore) -> None:
    await store.put(NAME, b"first")
    with pytest.raises(FileExistsError):
        await store.put(NAME, b"second")
    assert await store.get(NAME) == b"first"


async def test_what_is_missing_is_not_found_and_may_be_deleted(store: ClipStore) -> None:
    for ask in (store.get(NAME), store.get_range(NAME, 0, 1)):
        with pytest.raises(NotFound):
            await ask
    await store.delete(NAME)
    assert await names(store) == set()


async def test_what_was_deleted_is_gone(store: ClipStore) -> None:
    await store.put(NAME, b"voice")
    await store.delete(NAME)
    with pytest.raises(NotFound):
        await store.get(NAME)


async def test_a_listing_brings_them_all_however_many(store: ClipStore) -> None:
    exam = {clip_object("exam", f"ann-1-{number}-00") for number in range(20)}
    other = {clip_object("exam2", "bob-1-0-00"), part_object("exam2", "bob", 1)}
    await asyncio.gather(*(store.put(name, b"voice") for name in exam | other))
    assert await names(store) == exam | other
    assert await names(store, "clips/exam") == exam


async def test_it_is_tried_before_anybody_relies_on_it(store: ClipStore) -> None:
    await store.check()
    assert await names(store) == set()
