"""The windows of speech-dev, through the product's own path: cut as the server cuts, decoded, judged in order."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from training import audio, cache
from training.accuracy.exams import Intrusion
from training.accuracy.sittings import Sessions
from training.accuracy.windows import Judged, Listener, Person, Truth
from training.audio import Entry
from undertone.analyze import windows
from undertone.diarize.base import Clip
from undertone.diarize.local import models
from undertone.diarize.local.decode import decode

CORPUS: Final = "speech-dev"
# What follows the last whole minute of a file is the encoder's padding.
_PADDING_MS: Final = 1000
_NO_NOISE: Final = frozenset({"room", "microphone"})
# The sound lies this much behind the truth: the coder delays it by 1,105 samples, and speech takes a moment to be loud.
# Measured on 25 clear files, energy against truth: 25 to 35 ms, at both rates.
MP3_SHIFT: Final = 0.03


def folder() -> Path:
    """Where what the networks say of speech-dev may be kept."""
    key = hashlib.sha256(models.data(models.MANIFEST)).hexdigest()[:12]
    return audio.CACHE / f"{CORPUS}-v{cache.VERSION}-{key}"


def judged(listener: Listener) -> tuple[list[Judged], Sessions]:
    """The single windows; and the sessions, their windows in order with the profile handed on."""
    return sorted_out((entry, _judged(listener, entry)) for entry in audio.manifest(CORPUS))


def sorted_out(recordings: Iterable[tuple[Entry, list[Judged]]]) -> tuple[list[Judged], Sessions]:
    """The windows of recordings: those that stand alone, and the sessions."""
    single: list[Judged] = []
    sessions: Sessions = {}
    for entry, found in recordings:
        if entry["class"] == "session":
            sessions[_stem(entry)] = (found, _intrusions(entry))
        else:
            single += found
    return single, sessions


def _judged(listener: Listener, entry: Entry) -> list[Judged]:
    profile: bytes | None = None
    found = []
    for truth, clip in clips(entry):
        found.append(listener.judge(truth, functools.partial(decode, clip), profile))
        profile = found[-1].heard.profile
    return found


def _intrusions(entry: Entry) -> list[Intrusion]:
    main = {one["id"] for one in entry["speakers"] if one["role"] == "main"}

    def known(until: float) -> float:
        return sum(max(0.0, min(end, until) - start) for start, end, who in entry["segments"] if who in main)

    return [
        Intrusion("recorded", one["start"], one["end"], one["level_db"], known(one["start"]))
        for one in entry["intrusions"]
    ]


def clips(entry: Entry) -> Iterator[tuple[Truth, Clip]]:
    """The windows of a recording, as the server would store them."""
    whole = truth(entry)
    for number, start_ms, window in windows(audio.SHARED / CORPUS / entry["file"]):
        if window.duration_ms >= _PADDING_MS:
            clip = Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate)
            yield whole.part(number, start_ms / 1000, window.duration_ms / 1000), clip


def truth(entry: Entry) -> Truth:
    """What the manifest says of a file."""
    speakers = sorted(entry["speakers"], key=lambda one: _rank(entry, one["id"], one["role"]))
    place = {one["id"]: number for number, one in enumerate(speakers)}
    condition = entry["condition"]
    return Truth(
        name=_stem(entry),
        kind=entry["class"],
        seconds=entry["seconds"],
        people=tuple(Person(one["id"], one["sex"], one["corpus"], one["lang"]) for one in speakers),
        segments=tuple((start, end, place[speaker]) for start, end, speaker in entry["segments"]),
        level_db=entry["second_level_db"],
        second_snr_db=entry["second_snr_db"],
        snr_db=condition.get("snr_db"),
        noises=tuple(sorted({noise["kind"] for noise in entry["noise"]} - _NO_NOISE)),
    )


def _rank(entry: Entry, speaker: str, role: str) -> tuple[bool, float]:
    """The main voice comes first; in a conversation it is who speaks most."""
    return role != "main", -float(entry["per_speaker_seconds"].get(speaker, 0.0))


def _stem(entry: Entry) -> str:
    return Path(entry["file"]).stem
