"""Deepgram's answer → turns. Trusts nothing in it: it comes from a network, and accuses people.

`results.channels[0].alternatives[0].words[]` with `start` and `end` in seconds from the clip's start, and, where the
answer was diarized, `speaker` and perhaps `speaker_confidence`
(https://developers.deepgram.com/docs/diarization, "Analyze Response"). Silence is a list without words or without an
alternative. `metadata.duration` is how many seconds were decoded: of less than the clip nothing is concluded. A word
without a speaker belongs to nobody; if no word has one, nothing was diarized, which a deployment without the diarizer
answers too (the same page, "Self-hosted deployments").
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from undertone.core.verdict import Diarization, Turn, joined
from undertone.diarize.base import AnalysisError, Clip

NAME: Final = "deepgram"
# Words are rounded to the vendor's own frames, and may end a little behind the clip.
BEYOND_THE_END_S: Final = 1.0
# A decoder may drop a few frames at either end (26 ms each); what is missing beyond that was never heard.
UNHEARD_S: Final = 2.0

_NONSENSE: Final = "Deepgram's answer makes no sense"


class _Word(msgspec.Struct):
    start: float
    end: float
    speaker: int | None = None
    speaker_confidence: float | None = None


class _Alternative(msgspec.Struct):
    words: list[_Word] = []


class _Channel(msgspec.Struct):
    alternatives: list[_Alternative] = []


class _Results(msgspec.Struct):
    channels: list[_Channel]


class _Metadata(msgspec.Struct):
    duration: float | None = None  # seconds of sound that were decoded


class _Answer(msgspec.Struct):
    results: _Results
    metadata: _Metadata | None = None


_decoder: Final = msgspec.json.Decoder(_Answer)


def read(body: bytes, clip: Clip) -> Diarization:
    """What the answer says of the window, its lead-in left out. Raises AnalysisError where that is nothing."""
    try:
        answer = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise AnalysisError(f"{_NONSENSE}: {error}") from None
    seconds = (clip.lead_in_samples + clip.samples) / clip.sample_rate
    heard_s = answer.metadata.duration if answer.metadata else None
    if heard_s is not None and heard_s < seconds - UNHEARD_S:
        raise AnalysisError(f"Deepgram heard only {heard_s:.1f} of {seconds:.1f} s")
    channels = answer.results.channels
    if not channels:
        raise AnalysisError(f"{_NONSENSE}: no channel")
    alternatives = channels[0].alternatives
    words = alternatives[0].words if alternatives else []
    _check(words, seconds)
    spoken = [word for word in words if word.speaker is not None and word.speaker >= 0]
    if words and not spoken:
        raise AnalysisError("Deepgram heard words and did not say whose: the answer is not diarized")
    turns = joined(_turns(spoken, clip))
    return Diarization(tuple(turns), NAME, second_voice=_second_voice(turns, spoken))


def _check(words: Iterable[_Word], seconds: float) -> None:
    for word in words:
        # Written so that a number that is none is refused too.
        if not 0 <= word.start <= word.end <= seconds + BEYOND_THE_END_S:
            raise AnalysisError(f"{_NONSENSE}: a word from {word.start:g} to {word.end:g} s of {seconds:.1f} s")


def _turns(words: Iterable[_Word], clip: Clip) -> Iterable[Turn]:
    lead_in, length = (1000 * samples / clip.sample_rate for samples in (clip.lead_in_samples, clip.samples))
    for word in words:
        start = max(0, round(word.start * 1000 - lead_in))
        end = min(int(length), round(word.end * 1000 - lead_in))
        if start < end:
            assert word.speaker is not None
            yield Turn(start, end, word.speaker)


def _second_voice(turns: Iterable[Turn], words: Iterable[_Word]) -> float | None:
    """How sure Deepgram is of the words of whoever speaks second most; None where it does not say, or nobody does.

    It says how sure the verdict is, and does not decide which voices count: how the number was made is not documented.
    """
    speech: dict[int, int] = {}
    for turn in turns:
        speech[turn.speaker] = speech.get(turn.speaker, 0) + turn.end_ms - turn.start_ms
    if len(speech) < 2:
        return None
    second = sorted(speech, key=lambda speaker: (-speech[speaker], speaker))[1]
    stated = [
        (word.end - word.start, word.speaker_confidence)
        for word in words
        if word.speaker == second and word.speaker_confidence is not None and 0 <= word.speaker_confidence <= 1
    ]
    seconds = sum(length for length, _ in stated)
    return sum(length * confidence for length, confidence in stated) / seconds if seconds > 0 else None
