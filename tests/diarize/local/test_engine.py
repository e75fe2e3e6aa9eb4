"""The local engine on real speech: who speaks when, and clips of every kind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from tests.diarize.speech import ONE_VOICE, SECOND_VOICE, TWO_VOICES, clips, encoded, minute
from undertone.core.verdict import Diarization, Outcome, judge
from undertone.diarize.base import AnalysisError, Clip, Diarizer
from undertone.diarize.engines import load
from undertone.diarize.local import decision, evidence
from undertone.diarize.local.clustering import Merge
from undertone.diarize.local.decode import Sound, decode
from undertone.diarize.local.engine import LocalDiarizer
from undertone.diarize.local.evidence import Partials
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.known import Floats, Known
from undertone.diarize.local.observation import Observation, Observer, moved
from undertone.diarize.local.profile import Profile, read

pytestmark = pytest.mark.slow  # seconds of the real engine


@pytest.fixture(scope="module")
def engine() -> Diarizer:
    return load("local")


@pytest.fixture(scope="module")
def two_voices(engine: Diarizer) -> Diarization:
    return engine.diarize(minute(TWO_VOICES))


@pytest.fixture(scope="module")
def one_voice(engine: Diarizer) -> Diarization:
    return engine.diarize(minute(ONE_VOICE))


def test_a_second_voice_is_heard(two_voices: Diarization) -> None:
    verdict = judge(two_voices)
    assert verdict.outcome is Outcome.MULTIPLE_VOICES
    assert verdict.voices == 2
    assert verdict.confidence > 0.8
    assert verdict.speech_ms == pytest.approx((26_400, 20_100), rel=0.2)


def test_turns_are_where_the_second_voice_is(two_voices: Diarization) -> None:
    truth = np.zeros(6000, bool)
    for start, end in SECOND_VOICE:
        truth[int(start * 100) : int(end * 100)] = True
    found = np.zeros(6000, bool)
    for turn in judge(two_voices).turns:
        if turn.speaker == 1:
            found[turn.start_ms // 10 : turn.end_ms // 10] = True
    assert (found & truth).sum() > 0.9 * truth.sum()
    assert (found & ~truth).sum() < 0.1 * truth.sum()


def test_one_voice_stays_one(one_voice: Diarization) -> None:
    verdict = judge(one_voice)
    assert verdict.outcome is Outcome.CLEAN
    assert verdict.voices == 1
    assert verdict.speech_ms == pytest.approx((50_000,), rel=0.15)
    assert verdict.confidence > 0.8


def test_a_reader_is_allowed(two_voices: Diarization) -> None:
    assert judge(two_voices, expected_voices=2).outcome is Outcome.CLEAN


def test_the_same_clip_gives_the_same_answer(engine: Diarizer) -> None:
    (clip,) = clips(TWO_VOICES.read_bytes()[:80_000])
    assert engine.diarize(clip) == engine.diarize(clip)


def test_more_threads_change_nothing(engine: Diarizer, two_voices: Diarization) -> None:
    assert engine.diarize(minute(TWO_VOICES), threads=3) == two_voices


def test_the_profile_holds_the_only_voice_and_of_two_neither(one_voice: Diarization, two_voices: Diarization) -> None:
    known = read(one_voice.profile).voice
    assert known is not None
    assert known.seconds == pytest.approx(50, rel=0.15)
    assert known.windows == 1
    assert (one_voice.changed, one_voice.main) == (None, 0)
    assert two_voices.profile is not None
    assert read(two_voices.profile) == Profile()


def test_the_profile_is_handed_on(engine: Diarizer) -> None:
    silence = Clip(encoded(np.zeros(16_000, np.float32), 16_000), 0, 16_000, 16_000)
    assert engine.diarize(silence, b"a voice").profile == b"a voice"


def test_a_dead_microphone_is_silent(engine: Diarizer) -> None:
    clip = Clip(encoded(np.zeros(48_000 * 5, np.float32), 48_000), 0, 48_000 * 5, 48_000)
    assert judge(engine.diarize(clip)).outcome is Outcome.SILENT


def test_a_muted_microphone_is_not_even_decoded(engine: Diarizer, monkeypatch: pytest.MonkeyPatch) -> None:
    def decoding(clip: Clip) -> Sound:
        raise AssertionError("there is nothing to decode")

    profile = engine.diarize(minute(ONE_VOICE)).profile
    silent = np.zeros(48_000 * 5, np.float32)
    expected = LocalDiarizer().listen(silent, profile)
    monkeypatch.setattr("undertone.diarize.local.engine.decoded", decoding)
    assert engine.diarize(Clip(encoded(silent, 48_000), 0, len(silent), 48_000), profile) == expected


def test_a_quiet_room_is_clean_and_empty(engine: Diarizer) -> None:
    room = np.random.default_rng(4).normal(0, 0.004, 44_100 * 12).astype(np.float32)
    verdict = judge(engine.diarize(Clip(encoded(room, 44_100), 0, len(room), 44_100)))
    assert (verdict.outcome, verdict.voices, verdict.turns) == (Outcome.CLEAN, 0, ())


@pytest.mark.parametrize("ms", [100, 700, 3000, 9000])
def test_short_windows(engine: Diarizer, ms: int) -> None:
    for clip in clips(TWO_VOICES.read_bytes()[:240_000], window_ms=ms)[:2]:
        verdict = judge(engine.diarize(clip))
        assert verdict.voices <= 2
        assert all(turn.end_ms <= -(-clip.samples * 1000 // clip.sample_rate) for turn in verdict.turns)


def test_one_frame_is_enough(engine: Diarizer) -> None:
    clip = clips(TWO_VOICES.read_bytes()[:2000], window_ms=60_000)[0]
    assert judge(engine.diarize(clip)).voices == 0


@pytest.mark.slow
def test_a_long_window(engine: Diarizer) -> None:
    assert isinstance(engine, LocalDiarizer)
    twice = np.concatenate([decode(minute(ONE_VOICE)), decode(minute(TWO_VOICES))])
    verdict = judge(engine.listen(twice))
    assert verdict.outcome is Outcome.MULTIPLE_VOICES
    assert verdict.turns[-1].end_ms > 115_000


def test_garbage_is_named(engine: Diarizer) -> None:
    with pytest.raises(AnalysisError, match="no MP3 frame"):
        engine.diarize(Clip(bytes(5000), 0, 44_100, 44_100))


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "channels"), [(16_000, 1), (32_000, 2), (44_100, 2)])
def test_other_formats_are_heard_alike(engine: Diarizer, rate: int, channels: int) -> None:
    samples = decode(minute(TWO_VOICES))[: 16_000 * 30]
    (clip,) = clips(
        encoded(
            np.interp(np.arange(30 * rate) / rate, np.arange(len(samples)) / 16_000, samples).astype(np.float32),
            rate,
            channels=channels,
        )
    )
    verdict = judge(engine.diarize(clip))
    assert verdict.voices == 2
    assert verdict.other_ms > 6000


def test_a_voice_over_another_is_heard_as_overlap() -> None:
    """Four seconds of another voice, ten decibels lower, over somebody who talks on: in that place and nowhere else."""
    single, other = decode(minute(ONE_VOICE)), decode(minute(TWO_VOICES))
    start, end = max(SECOND_VOICE, key=lambda turn: turn[1] - turn[0])
    words = other[int(start * RATE) : int(end * RATE)][: 4 * RATE]
    loud = float(np.sqrt((single**2).mean()) / np.sqrt((words**2).mean()))
    mixed = single.copy()
    mixed[20 * RATE : 20 * RATE + len(words)] += words * loud * np.float32(10 ** (-10 / 20))
    observer = Observer()
    (alone,), (together,) = (evidence.overlap(observer.observe(s)) for s in (single, mixed))
    assert alone < 0.1
    assert together > 0.3


def test_a_window_in_doubt_is_looked_at_from_another_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = decode(minute(ONE_VOICE))
    engine = LocalDiarizer()
    looks: list[Samples] = []
    leant: list[Partials] = []
    observing, leaning = engine.observe, Known.lean

    def observe(sound: Samples, threads: int = 1) -> Observation:
        looks.append(sound)
        return observing(sound, threads)

    def lean(known: Known, of: Partials, joined: Sequence[Merge], scores: Floats) -> Floats:
        leant.append(of)
        return leaning(known, of, joined, scores)

    monkeypatch.setattr(engine, "observe", observe)
    monkeypatch.setattr(Known, "lean", lean)
    alone = engine.listen(samples).second_voice
    assert len(looks) == 1
    monkeypatch.setattr(decision, "_IN_DOUBT", (-100.0, 100.0))
    both = engine.listen(samples).second_voice
    assert len(looks) == 3
    assert len(leant) == 3, "what is known of the candidate is held against both looks"
    assert leant[1] is not leant[2]
    assert np.array_equal(looks[2], moved(samples))
    monkeypatch.setattr(decision, "_IN_DOUBT", (0.0, 0.0))
    other = engine.listen(moved(samples)).second_voice
    assert alone != other
    assert logit(both) == pytest.approx((logit(alone) + logit(other)) / 2)


def test_a_short_window_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision, "_IN_DOUBT", (-100.0, 100.0))
    engine = LocalDiarizer()
    seen = engine.observe(decode(minute(ONE_VOICE))[: 29 * RATE])

    def again() -> Observation:
        raise AssertionError("nobody looks again")

    engine.decide(seen, 29_000, again=again)


@pytest.mark.parametrize("count", [0, 1, 5, RATE, 60 * RATE])
def test_what_is_moved_is_all_there(count: int) -> None:
    samples = np.arange(count, dtype=np.float32)
    assert np.array_equal(np.sort(moved(samples)), samples)


def logit(probability: float | None) -> float:
    assert probability is not None
    return float(np.log(probability / (1 - probability)))
