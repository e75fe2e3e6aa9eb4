"""Decoding: exact in time at every rate, lead-in gone, and bad clips named."""

from __future__ import annotations

import numpy as np
import pytest

from tests.diarize.speech import clips, encoded
from undertone.diarize.base import AnalysisError, Clip
from undertone.diarize.local.decode import decode, is_empty

pytestmark = pytest.mark.slow


def beeps(rate: int, seconds: int = 7) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """A tone of 20 ms at each whole second."""
    at = np.arange(seconds * rate) / rate
    return (0.5 * np.sin(2 * np.pi * 1000 * at) * (at % 1 < 0.02)).astype(np.float32)


def onsets(samples: np.ndarray[tuple[int], np.dtype[np.float32]]) -> list[float]:
    """Seconds at which the tones begin."""
    loud = np.abs(samples) > 0.1
    starts = np.flatnonzero(loud & ~np.concatenate([[False] * 1600, loud])[: len(loud)])
    firsts = [int(start) for start in starts if not loud[max(0, start - 1600) : start].any()]
    return [first / 16_000 for first in firsts]


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000, 32_000, 44_100, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_every_rate_keeps_time(rate: int, channels: int) -> None:
    mp3 = encoded(beeps(rate), rate, channels=channels)
    (clip,) = clips(mp3)
    samples = decode(clip)
    assert samples.dtype == np.float32
    assert len(samples) == pytest.approx(clip.samples * 16_000 / rate, abs=2)
    found = onsets(samples)
    assert len(found) == 7
    # An encoder delays by up to 1,105 samples and the decoder by 529; from one tone to the next nothing may shift.
    assert np.diff(found) == pytest.approx(np.ones(6), abs=0.002)
    assert found[0] < 0.11
    assert 0.3 < np.abs(samples).max() < 0.7


@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
def test_clips_join_to_the_whole(rate: int) -> None:
    mp3 = encoded(beeps(rate), rate)
    (whole,) = clips(mp3)
    pieces = clips(mp3, window_ms=1500)
    assert len(pieces) == 5
    assert all(piece.lead_in_samples for piece in pieces[1:])
    joined, straight = np.concatenate([decode(piece) for piece in pieces]), decode(whole)
    assert onsets(joined) == pytest.approx(onsets(straight), abs=0.001)


def test_a_lead_in_is_exactly_discarded() -> None:
    mp3 = encoded(beeps(16_000), 16_000)
    (clip,) = clips(mp3)
    whole = decode(clip)
    later = decode(Clip(clip.mp3, 1000, clip.samples - 1000, 16_000))
    assert np.array_equal(later, whole[1000:])


def test_a_damaged_frame_keeps_its_time() -> None:
    mp3 = bytearray(encoded(beeps(44_100), 44_100, kbps=128))
    mp3[60_000:60_200] = bytes(200)
    (clip,) = clips(bytes(mp3))
    found = onsets(decode(clip))
    assert found[-1] - found[0] == pytest.approx(6, abs=0.03), "a frame or two may be gone, no more"


GARBAGE = {
    "nothing": b"",
    "text": b"this is not audio\n" * 200,
    "zeros": bytes(20_000),
    "noise": np.random.default_rng(5).bytes(300),
}


@pytest.mark.parametrize("mp3", GARBAGE.values(), ids=GARBAGE.keys())
def test_garbage_is_named(mp3: bytes) -> None:
    with pytest.raises(AnalysisError):
        decode(Clip(mp3, 0, 44_100, 44_100))


def test_a_clip_of_nothing_but_lead_in_is_named() -> None:
    mp3 = encoded(beeps(44_100, 1), 44_100)
    with pytest.raises(AnalysisError, match="lead-in"):
        decode(Clip(mp3, 10**6, 44_100, 44_100))


def test_a_clip_at_another_rate_than_said_is_named() -> None:
    mp3 = encoded(beeps(44_100, 1), 44_100)
    with pytest.raises(AnalysisError, match="48000 Hz, but it decodes at 44100"):
        decode(Clip(mp3, 0, 48_000, 48_000))


def test_digital_silence_is_told_without_decoding_and_what_is_wrong_with_a_clip_is_not() -> None:
    silent = encoded(np.zeros(48_000, np.float32), 48_000)
    assert is_empty(Clip(silent, 1152, 40_000, 48_000))
    assert not decode(Clip(silent, 1152, 40_000, 48_000)).any()
    assert not is_empty(Clip(silent, 0, 40_000, 44_100)), "decoding names the rate"
    assert not is_empty(Clip(silent, 10**6, 40_000, 48_000)), "decoding names the lead-in"
    assert not is_empty(Clip(b"", 0, 40_000, 48_000))
    assert not is_empty(Clip(encoded(beeps(48_000, 1), 48_000), 0, 40_000, 48_000))
