"""Clips in a bucket, as a proctor's browser gets them: from the bucket itself, whatever that lets scripts do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.proctor import room, watching
from tests.serving import Server, running_server
from tests.standins.s3 import S3
from undertone.store.clips_cloud import CloudClips

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

BUCKET = "s3://exams/watched"


@pytest.fixture
def there(s3: S3, data_dir: Path) -> Iterator[Server]:
    s3.make("exams")
    environment = {"UNDERTONE_CLIPS": BUCKET, "UNDERTONE_CLIPS_ENDPOINT": s3.endpoint}
    with running_server(data_dir, env=environment) as server:
        yield server


async def test_a_clip_plays_from_the_bucket_with_its_bars_where_scripts_may_read_it(
    browser: Browser, there: Server, s3: S3
) -> None:
    async with room(there, candidates=2, anomalies=2, minutes=4) as exam:
        bucket = CloudClips(BUCKET, endpoint=s3.endpoint)
        for clip in (there.data / "clips").rglob("*.mp3"):
            await bucket.put(str(clip.relative_to(there.data)), clip.read_bytes())
        for may_read in (True, False):
            s3.cors = may_read
            async with watching(browser, exam) as (visitor, page):
                visitor.forgive("a request to somebody else: " + s3.endpoint)
                if not may_read:
                    visitor.forgive("blocked by CORS policy|net::ERR_FAILED")
                await page.locator(".card-head").first.click()
                player = page.locator("ut-player")
                await player.get_by_role("button", name="Play", exact=True).click()
                await expect(player.get_by_role("button", name="Pause")).to_be_visible()
                await expect(player.locator("svg.waveform")).to_have_count(1 if may_read else 0)
                assert await player.evaluate("({audio}) => audio.src.startsWith('blob:')") is may_read
                assert await player.evaluate("({audio}) => audio.error") is None
                assert any(url.startswith(f"{s3.endpoint}/exams/watched/clips/") for url in visitor.requested)
                await expect(player.locator("[role=alert]")).to_have_count(0)
