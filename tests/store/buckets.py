"""Clips in a bucket of the stand-in, as a test has them."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Final

import pytest

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


def google_clips(s3: S3, folder: Path, monkeypatch: pytest.MonkeyPatch, *, listed_at_a_time: int = 1000) -> CloudClips:
    """In Google's dialect, with an account that asks nobody for a token."""
    s3.make("exams")
    s3.google = True
    account = {"client_email": "", "private_key": "", "private_key_id": "", "disable_oauth": True}
    (folder / "account.json").write_text(json.dumps({**account, "gcs_base_url": s3.endpoint}))
    monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT", str(folder / "account.json"))
    return CloudClips(
        f"gs://exams/year/{next(_numbers)}",
        endpoint=s3.endpoint,
        links=False,  # which take a key
        within_s=WITHIN_S,
        listed_at_a_time=listed_at_a_time,
    )
