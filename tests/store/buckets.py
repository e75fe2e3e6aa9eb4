"""Clips in a bucket of the stand-in, as a test has them."""

from __future__ import annotations

from itertools import count
from typing import Final

from tests.standins.s3 import S3
from undertone.store.clips_cloud import CloudClips

# As long as a slow machine needs for an answer that does come; tests of what does not come say less.
WITHIN_S: Final = 5.0

_numbers = count(1)


def bucket_clips(s3: S3, *, within_s: float = WITHIN_S, listed_at_a_time: int = 1000) -> CloudClips:
    """Below a prefix that no other test has."""
    s3.make("exams")
    return CloudClips(
        f"s3://exams/year/{next(_numbers)}", endpoint=s3.endpoint, within_s=within_s, listed_at_a_time=listed_at_a_time
    )
