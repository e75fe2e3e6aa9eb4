"""Ten seconds of scenes, as the segmentation's memory sees them, with who speaks when: what it is tuned on.

The scenes are like those that everything else is fitted on, with more people at once: overlapped speech, conversations,
and somebody who says a word now and then while another goes on. What is often taken for a second person is there too:
coughs, moods, noise, rooms that echo. Each of these comes with one voice and with several, else it would be learned
as a sign of the one or the other. The network's front end stays as it is, so its output stands for the sound.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from training import arrays, cache, sound, sources
from training.simulate import Studio, Take, dealt, plan
from training.sound import Colour
from training.sources import QUARTERS, TWO_PEOPLE
from training.stage import SECONDS
from undertone.diarize.local import models
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.segmentation import CHUNK, FRAME_CENTRE, FRAME_STEP, LOCAL_SPEAKERS

Mask = npt.NDArray[np.bool_]

SCENES: Final = 3000
VERSION: Final = 2
SEED: Final = 90_000
# Each kind's share.
_KINDS: Final = {
    "overlap": 24,
    "conversation": 16,
    "interjections": 14,
    "turns": 6,
    "two_noise": 6,
    "two_sparse": 5,
    "three": 2,
    "far": 4,
    "full": 3,
    "levels": 2,
    "reverb": 8,
    "noise": 6,
    "sparse": 2,
    "sparse_noise": 3,
    "sessions": 4,
    "emotion": 8,
    "cough": 8,
    "exam": 2,
    "noise_only": 3,
    "telephone": 2,
}
_SEVERAL: Final = frozenset({"overlap", "conversation", "interjections", "turns", "two_sparse", "three", "far"})
# Of scenes with several people: the share with noise (so many dB against speech), coughs, moods.
_NOISY: Final = 0.3
_NOISE_DB: Final = (-20, -15, -10)
_COUGHING: Final = 0.15
_MOODY: Final = 0.2
# Of scenes in which somebody joins: the share in one room (far from the microphone: of those), through one microphone.
_ONE_ROOM: Final = 0.5
_FAR: Final = 0.33
_ONE_MICROPHONE: Final = 0.6
_TELEPHONES: Final = 0.125
# Of rooms: the share with echoes of their own, and with hard walls.
_ECHOING: Final = 0.4
_HARD: Final = 0.25
# Who is so much quieter than his own active level, in blocks of 10 ms, is silent; pauses up to so many blocks are none.
_SILENT: Final = sound.gain(-28)
_BLOCK: Final = RATE // 100
_PAUSE: Final = 30
# Whether somebody speaks so far below another, over so many blocks, nobody can hear: nothing is learned there.
_MASKED: Final = sound.gain(-20)
_LASTING: Final = 20
_LEAST_WORD: Final = RATE // 4
_FRONT: Final = "/lstm/Transpose_output_0"
_SIZE: Final = 60


@dataclass(frozen=True, slots=True)
class Chunks:
    """Chunks of one quarter's scenes."""

    seen: npt.NDArray[np.float16]  # [chunks, frames, 60] what the front end makes of the sound
    told: npt.NDArray[np.float16]  # [chunks, frames, 7] logarithms, by the network as it comes
    true: Mask  # [chunks, 3, frames] who speaks
    clear: Mask  # [chunks, frames] whether that can be heard

    def __len__(self) -> int:
        return len(self.seen)


class _Take(Take):
    """A scene with a kind more, in which what is about a voice says nothing of how many there are."""

    def __init__(self, studio: Studio, kind: str, seed: int) -> None:
        voices = [voice for voice in studio.voices if voice.name not in TWO_PEOPLE]
        super().__init__(voices, studio.noises, kind, [seed, list(_KINDS).index(kind)])
        self.more = np.random.default_rng([7, seed])

    def _talk(self, *given: Any, moods: bool = False, **more: Any) -> None:
        super()._talk(*given, moods=moods or self._by_chance(_MOODY), **more)

    def _by_chance(self, share: float) -> bool:
        """In so many of the scenes with several people."""
        return self._kind in _SEVERAL and self.more.random() < share

    def _other_microphone(self) -> Colour:
        return self._microphone if self.more.random() < _ONE_MICROPHONE else super()._other_microphone()

    def _room(self, far: bool) -> Samples:
        response = super()._room(far)
        if self.more.random() < _HARD:
            response = sound.room(self.more, self.more.uniform(0.6, 1.2), self.more.uniform(-2, 8))
        if self.more.random() < _ECHOING:
            for late in self.more.uniform(0.005, 0.08, int(self.more.integers(2, 6))):
                response[int(late * RATE)] += response[0] * sound.gain(self.more.uniform(-14, -3))
        return response

    def _bed(self) -> Samples:
        if self._kind in ("overlap", "interjections") and self.more.random() < _ONE_ROOM:
            near = self._room(far=False)
            other = self._room(far=True) if self.more.random() < _FAR else near
            self._tracks = [_lively(track, other if who else near) for who, track in enumerate(self._tracks)]
        if self._by_chance(_NOISY):
            self._disturb(float(self.more.choice(_NOISE_DB)))
        if self._by_chance(_COUGHING):
            self._sudden(float(self.more.uniform(-12, 3)), ["cough", "sneeze"], int(self.more.integers(2, 7)))
        return super()._bed()

    def _interjections(self) -> None:
        """A word now and then, over another's speech or where it ends."""
        main, other = self._cast(2, 10)
        self._talk([(0, self._random.uniform(20, 45))], [main])
        level = float(self._random.choice([0, -3, -6, -9]))
        spoken = list(self._scene.segments)
        track = np.zeros(self._length, np.float32)
        for _ in range(int(self._random.integers(3, 13))):
            start, end, _ = spoken[int(self._random.integers(len(spoken)))]
            over = self._random.random() < 0.7
            at = float(self._random.uniform(start, end) if over else end - self._random.uniform(0, 0.4))
            word = self._word(other.runs[int(self._random.integers(len(other.runs)))].samples())
            first = int(at * RATE)
            word = word[: max(0, self._length - first)]
            track[first : first + len(word)] += word
            if len(word):
                self._scene.segments.append((at, at + len(word) / RATE, 1))
        self._join(track, other, level)

    def _word(self, run: Samples) -> Samples:
        """A quarter of a second to a second, from where it is loud."""
        loud = np.flatnonzero(np.abs(run) > sources.active_level(run) / 2)
        first = int(loud[int(self._random.integers(len(loud)))]) if len(loud) and self._random.random() < 0.5 else 0
        first = max(0, min(first, len(run) - _LEAST_WORD))
        return sources.faded(run[first : first + int(self._random.uniform(0.25, 1) * RATE)])

    def spoken(self) -> tuple[Mask, Mask]:
        """Once the scene is shot; see `spoken`."""
        people = max((who for *_, who in self._scene.segments), default=-1) + 1
        # Two sessions of one person are two tracks.
        tracks = [sum(self._tracks[:2])] if self._kind == "sessions" else self._tracks[:people]
        return spoken(tracks, self._scene.segments)


def spoken(tracks: Sequence[Samples], segments: Sequence[tuple[float, float, int]]) -> tuple[Mask, Mask]:
    """Who speaks, [people, blocks of 10 ms], and whether that can be heard, [blocks].

    `tracks` are everybody's, 60 s each; outside of their segments nobody speaks.
    """
    speaks = np.zeros((len(tracks), SECONDS * RATE // _BLOCK), np.bool_)
    level = np.zeros(speaks.shape)
    for who, track in enumerate(tracks):
        power = (track[: SECONDS * RATE].reshape(-1, _BLOCK) ** 2).mean(axis=1)
        loud = np.convolve(np.sqrt(power), np.ones(5) / 5, mode="same") > sources.active_level(track) * _SILENT
        for start, end, speaker in segments:
            if speaker == who:
                within = slice(int(start * RATE / _BLOCK), int(end * RATE / _BLOCK) + 3)
                speaks[who, within] = loud[within]
        edges = np.flatnonzero(np.diff(speaks[who].astype(np.int8)))
        # Of two edges, the first an end: a pause.
        for off, on in itertools.pairwise(edges.tolist()):
            if speaks[who, off] and on - off < _PAUSE:
                speaks[who, off : on + 1] = True
        level[who] = np.sqrt(np.convolve(power, np.ones(_LASTING) / _LASTING, mode="same")) * speaks[who]
    masked = speaks & (level < level.max(axis=0, initial=0) * _MASKED)
    return speaks, ~masked.any(axis=0)


def _lively(track: Samples, response: Samples) -> Samples:
    """The same in a room, as loud as before."""
    heard = sound.in_room(track, response)
    return heard * np.float32(sources.active_level(track) / max(sources.active_level(heard), 1e-6))


def chunks(original: bytes) -> list[Chunks]:
    """Of every quarter, by the network as it comes; made now unless kept."""
    where = folder(original)
    where.mkdir(parents=True, exist_ok=True)
    ear: onnxruntime.InferenceSession | None = None
    made: list[list[Chunks]] = [[] for _ in range(QUARTERS)]
    for number, kind, quarter in dealt(plan(SCENES, _KINDS)):
        file = where / f"{number:04d}.npz"
        if not file.exists():
            ear = ear or front(original)
            arrays.keep(file, by_name(chunk(ear, kind, quarter, SEED + number)))
        with np.load(file) as kept:
            made[quarter].append(Chunks(**kept))
    return [together(quarter) for quarter in made]


def folder(original: bytes) -> Path:
    """Where they are kept: by everything they are made of."""
    return cache.folder("chunks", VERSION, original + f"{cache.VERSION}.{SEED}".encode())


def by_name(of: Chunks) -> arrays.Arrays:
    return {field.name: getattr(of, field.name) for field in fields(of)}


def together(parts: Sequence[Chunks]) -> Chunks:
    return Chunks(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in by_name(parts[0])})


def front(original: bytes) -> onnxruntime.InferenceSession:
    """The network with a second output: what its front end makes of the sound, [frames, chunks, 60]."""
    network = onnx.load_from_string(original)
    shape = onnx.helper.make_tensor_value_info(_FRONT, onnx.TensorProto.FLOAT, ["T", "B", _SIZE])
    network.graph.output.append(shape)
    return models.session(network.SerializeToString())


def chunk(ear: onnxruntime.InferenceSession, kind: str, quarter: int, seed: int) -> Chunks:
    """Those of one scene."""
    random = np.random.default_rng([11, seed])
    take = _Take(cache.studio(quarter), kind, seed)
    samples = take.shoot().samples
    if random.random() < _TELEPHONES:
        samples = sound.telephone(samples)
    speaks, heard = take.spoken()
    seen, told, true, clear = [], [], [], []
    for first in range(int(random.integers(CHUNK // 2)), len(samples) - CHUNK + 1, CHUNK):
        logits, features = models.run(ear, input_values=samples[None, None, first : first + CHUNK])
        blocks = (first - take.delay + FRAME_CENTRE + FRAME_STEP * np.arange(len(features))) // _BLOCK
        blocks = np.clip(blocks, 0, len(heard) - 1)
        active = speaks[:, blocks]
        most = active[np.argsort(-active.sum(axis=1), kind="stable")[:LOCAL_SPEAKERS]]
        speak = np.zeros((LOCAL_SPEAKERS, len(features)), np.bool_)
        speak[: len(most)] = most
        seen.append(features[:, 0])
        told.append(logits[0])
        true.append(speak)
        clear.append(heard[blocks])
    return Chunks(np.array(seen, np.float16), np.array(told, np.float16), np.array(true), np.array(clear))
