"""Clips in a bucket: what only a bucket does, and each row of the table in docs/storage.md."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.standins.s3 import KEY, S3, SECRET, Fault
from tests.store.bucket_faults import ROWS, WAITS, Row, with_table
from tests.store.buckets import bucket_clips
from undertone.core.errors import NotFound, Unavailable
from undertone.store.clips import ClipStore, WrongStore, clip_object
from undertone.store.clips_cloud import CloudClips

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NAME = clip_object("exam", "ann-1-0-00")
PAGE_OF_STORAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "storage.md"
PAGE: Final = b"<!doctype html><title>Please log in</title>"

FAULTS: Final = {
    "slow": Fault(after_s=0.3, let_in=True),
    "lost": Fault(hang_up=True),
    "busy": Fault(503, "SlowDown"),
    "broken": Fault(500, "InternalError"),
    "limited": Fault(429, "TooManyRequests"),
    "met": Fault(409, "ConditionalRequestConflict"),
    "silent": Fault(after_s=60),
    "page": Fault(200, body=PAGE),
    "not_found": Fault(404, body=PAGE),
    "no_bucket": Fault(404, "NoSuchBucket"),
    "denied": Fault(403, "AccessDenied"),
    "key": Fault(403, "InvalidAccessKeyId"),
    "secret": Fault(403, "SignatureDoesNotMatch"),
    "expired": Fault(400, "ExpiredToken"),
    "clock": Fault(403, "RequestTimeTooSkewed"),
    "region": Fault(400, "AuthorizationHeaderMalformed"),
}
ELSEWHERE: Final = {"refused": "http://127.0.0.1:1", "unknown": "http://bucket.invalid"}


def arranged(row: Row, s3: S3) -> CloudClips:
    """A store whose bucket does what the row says."""
    if row.key == "once":
        s3.faults.append(FAULTS["busy"])
    elif row.key == "lost":
        s3.faults.append(FAULTS["lost"])
    elif row.key == "met":
        s3.methods, s3.fault = ("PUT",), FAULTS["met"]
    else:
        s3.fault = FAULTS.get(row.key)
    if row.key in ELSEWHERE:
        return CloudClips("s3://exams/nowhere", endpoint=ELSEWHERE[row.key])
    return bucket_clips(s3, within_s=1.5 if row.key == "silent" else 10)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
async def test_what_a_bucket_does_during_an_exam(row: Row, s3: S3) -> None:
    store = arranged(row, s3)
    data = os.urandom(1000)
    if not row.away:
        await store.put(NAME, data)
        assert await store.get(NAME) == data
        return
    with pytest.raises(Unavailable, match=f"the clip store is away: {row.away}"):
        await store.put(NAME, data)
    if s3.methods:
        return
    # Nothing that a bucket says of itself makes a clip missing, or gone.
    for ask in (store.get(NAME), store.get_range(NAME, 0, 1)):
        with pytest.raises(Unavailable):
            await ask
    if row.key != "page":
        with pytest.raises(Unavailable):
            await store.delete(NAME)
    if row.key not in ELSEWHERE:
        s3.behave()
        await store.put(NAME, data)
        assert await store.get(NAME) == data


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.key)
async def test_what_a_bucket_does_at_the_start(row: Row, s3: S3) -> None:
    store = arranged(row, s3)
    if not row.at_start:
        await store.check()
    elif row.at_start == WAITS:
        with pytest.raises(Unavailable):
            await store.check()
    else:
        with pytest.raises(WrongStore) as told:
            await store.check()
        assert row.at_start in str(told.value)
        assert "s3://exams/year/" in str(told.value)
        assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        ("AWS_ACCESS_KEY_ID", "AKIDSOMEBODYELSE", "the credentials are not accepted"),
        ("AWS_SECRET_ACCESS_KEY", "wrong" + SECRET, "the credentials are not accepted"),
        ("AWS_REGION", "us-east-1", "set AWS_REGION"),
    ],
)
async def test_what_is_wrong_in_the_environment_is_named(
    variable: str, value: str, right: str, s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the stand-in's own look at the signature."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongStore, match=right) as told:
        await bucket_clips(s3).check()
    assert KEY not in str(told.value)
    assert SECRET not in str(told.value)


async def test_a_bucket_that_is_not_there_is_named(s3: S3) -> None:
    store = CloudClips("s3://no-such-exams", endpoint=s3.endpoint)
    with pytest.raises(WrongStore, match="there is no such bucket: make it, or name another one in UNDERTONE_CLIPS"):
        await store.check()
    with pytest.raises(Unavailable, match="NoSuchBucket"):
        await store.get(NAME)


async def test_rights_that_are_missing_are_found_at_the_start(s3: S3) -> None:
    """Who may put and get and not list would find it out an hour later."""
    put, get, listing = Fault(let_in=True), Fault(let_in=True), FAULTS["denied"]
    for faults in ([put, listing], [put, get, listing], [put, get, Fault(let_in=True), listing]):
        s3.faults[:] = faults
        with pytest.raises(WrongStore, match="s3:DeleteObject on its objects, s3:ListBucket on the bucket"):
            await bucket_clips(s3).check()


def test_the_page_has_this_table() -> None:
    page = PAGE_OF_STORAGE.read_text()
    assert page == with_table(page), "run: python docs/generate.py"
    assert page.count(ROWS[-1].does) == 1


# --- links


async def linked(store: ClipStore, seconds: int = 300) -> str:
    link = await store.link(NAME, seconds)
    assert link is not None
    return link


async def test_a_link_plays_as_sound_whole_and_in_ranges_and_is_kept_nowhere(s3: S3) -> None:
    store = bucket_clips(s3)
    await store.put(NAME, b"voice")
    async with httpx.AsyncClient(trust_env=False) as client:
        link = await linked(store)
        whole = await client.get(link)
        assert (whole.status_code, whole.content) == (200, b"voice")
        assert whole.headers["Content-Type"] == "audio/mpeg"
        assert whole.headers["Cache-Control"] == "no-store"
        piece = await client.get(link, headers={"Range": "bytes=1-2"})
        assert (piece.status_code, piece.content, piece.headers["Content-Range"]) == (206, b"oi", "bytes 1-2/5")
        # It is for this object, for reading it, and for a while.
        assert (await client.get(link.replace("ann-1-0-00", "bob-1-0-00"))).status_code == 403
        assert (await client.put(link, content=b"x")).status_code == 403
        assert "X-Amz-Expires=300" in link
        short = await linked(store, 1)
        async with asyncio.timeout(5):
            while (await client.get(short)).status_code == 200:
                await asyncio.sleep(0.2)


async def test_where_links_lead_is_known_once_the_bucket_was_tried(s3: S3) -> None:
    store = bucket_clips(s3)
    origins = [store.origin]
    await store.check()
    origins.append(store.origin)
    assert origins == [None, s3.endpoint]
    assert urlsplit(await linked(store)).netloc == urlsplit(s3.endpoint).netloc


async def test_who_wants_no_links_to_the_bucket_gets_none(s3: S3) -> None:
    s3.make("exams")
    store = CloudClips("s3://exams/unlinked", endpoint=s3.endpoint, links=False)
    await store.check()
    assert store.origin is None
    assert await store.link(NAME, 300) is None


# --- bounds


async def test_given_up_the_bucket_is_hung_up_on_and_the_next_call_works(s3: S3) -> None:
    store = bucket_clips(s3, within_s=1)
    s3.fault = FAULTS["silent"]
    before = s3.given_up
    with pytest.raises(Unavailable, match="no answer within 1 s"):
        await store.put(NAME, b"voice")
    async with asyncio.timeout(5):
        while s3.given_up == before:
            await asyncio.sleep(0.01)
    s3.behave()
    await store.put(NAME, b"voice")


async def test_readers_that_wait_hold_up_no_writer(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("undertone.store.clips_cloud.READING_AT_ONCE", 2)
    store = bucket_clips(s3, within_s=2)
    s3.methods, s3.fault = ("GET",), FAULTS["silent"]
    readers = [asyncio.create_task(store.get(NAME)) for _ in range(10)]
    await store.put(NAME, b"voice")
    async with asyncio.timeout(5):
        while sum(method == "GET" for method, _ in s3.seen) < 2:
            await asyncio.sleep(0.01)
    assert sum(method == "GET" for method, _ in s3.seen) == 2  # the others wait for their turn
    for reader in readers:
        reader.cancel()
    assert {type(each) for each in await asyncio.gather(*readers, return_exceptions=True)} == {asyncio.CancelledError}
    s3.behave()
    assert await store.get(NAME) == b"voice"


async def test_the_event_loop_goes_on_meanwhile(s3: S3) -> None:
    store = bucket_clips(s3)
    s3.fault = Fault(after_s=0.1, let_in=True)
    writing = asyncio.create_task(store.put(NAME, os.urandom(1_000_000)))
    turns = 0
    while not writing.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert turns > 5
    await writing


async def test_somebody_elses_object_of_the_same_name_stays(s3: S3) -> None:
    store = bucket_clips(s3)
    await store.put(NAME, b"first")
    await store.put(NAME, b"first")  # as after an answer that was lost
    with pytest.raises(FileExistsError):
        await store.put(NAME, b"other")
    assert await store.get(NAME) == b"first"


async def test_another_prefix_is_another_store(s3: S3) -> None:
    one, other = bucket_clips(s3), bucket_clips(s3)
    await one.put(NAME, b"voice")
    with pytest.raises(NotFound):
        await other.get(NAME)
    assert [found async for found in other.list()] == []
