"""Ten seconds of scenes, as the segmentation's memory sees them, with who speaks when: what it is tuned on.

The scenes are like those that everything else is fitted on, with more people at once: overlapped speech, conversations,
and somebody who says a word now and then while another goes on. What is often taken for a second person is there too:
coughs, moods, noise. The network's front end stays as it is, so its output stands for the sound.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime

from training import arrays, cache, sound, sources
from training.simulate import Studio, Take
from training.sources import QUARTERS
from training.stage import SECONDS
from undertone.diarize.local import models
from undertone.diarize.local.fbank import RATE, Samples
from undertone.diarize.local.segmentation import CHUNK, FRAME_CENTRE, FRAME_STEP, LOCAL_SPEAKERS

Mask = npt.NDArray[np.bool_]

SCENES: Final = 1800
VERSION: Final = 1
_SEED: Final = 90_000
# Each kind's share.
_KINDS: Final = {
    "overlap": 24,
    "conversation": 16,
    "interjections": 14,
    "turns": 6,
    "two_noise": 6,
    "three": 2,
    "far": 3,
    "full": 3,
    "levels": 1,
    "reverb": 3,
    "noise": 6,
    "sparse_noise": 3,
    "emotion": 8,
    "cough": 8,
    "exam": 2,
    "noise_only": 3,
    "telephone": 2,
}
_NOISY: Final = 0.3  # share of the scenes with several people and without noise of their own that get some
_NOISE_DB: Final = (-20, -15, -10)
_TELEPHONES: Final = 0.125
# Who is so much quieter than his own active level, in blocks of 10 ms, is silent; pauses up to so many blocks are none.
_SILENT: Final = sound.gain(-28)
_BLOCK: Final = RATE // 100
_PAUSE: Final = 30
_FRONT: Final = "/lstm/Transpose_output_0"
_SIZE: Final = 60


@dataclass(frozen=True, slots=True)
class Chunks:
    """Chunks of one quarter's scenes."""

    seen: npt.NDArray[np.float16]  # [chunks, frames, 60] what the front end makes of the sound
    told: npt.NDArray[np.float16]  # [chunks, frames, 7] logarithms, by the network as it comes
    true: Mask  # [chunks, 3, frames] who speaks

    def __len__(self) -> int:
        return len(self.seen)


class _Take(Take):
    """A scene with a kind more, and noise now and then."""

    def __init__(self, studio: Studio, kind: str, seed: int) -> None:
        super().__init__(studio.voices, studio.noises, kind, [seed, list(_KINDS).index(kind)])
        self.more = np.random.default_rng([7, seed])

    def _bed(self) -> Samples:
        quiet = self._kind in ("overlap", "conversation", "interjections", "turns", "three")
        if quiet and self.more.random() < _NOISY:
            self._disturb(float(self.more.choice(_NOISE_DB)))
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
        return sources.faded(run[first : first + int(self._random.uniform(0.25, 1) * RATE)])

    def spoken(self) -> Mask:
        """[people, blocks of 10 ms] who speaks; once the scene is shot."""
        people = max((who for *_, who in self._scene.segments), default=-1) + 1
        spoken = np.zeros((people, SECONDS * RATE // _BLOCK), np.bool_)
        for who, track in enumerate(self._tracks[:people]):
            power = (track[: SECONDS * RATE].reshape(-1, _BLOCK) ** 2).mean(axis=1)
            loud = np.convolve(np.sqrt(power), np.ones(5) / 5, mode="same") > sources.active_level(track) * _SILENT
            for start, end, speaker in self._scene.segments:
                if speaker == who:
                    within = slice(int(start * RATE / _BLOCK), int(end * RATE / _BLOCK) + 3)
                    spoken[who, within] = loud[within]
            edges = np.flatnonzero(np.diff(spoken[who].astype(np.int8)))
            # Of two edges, the first an end: a pause.
            for off, on in itertools.pairwise(edges.tolist()):
                if spoken[who, off] and on - off < _PAUSE:
                    spoken[who, off : on + 1] = True
        return spoken


def chunks(original: bytes) -> list[Chunks]:
    """Of every quarter, by the network as it comes; made now unless kept."""
    where = cache.folder("chunks", VERSION, original)
    where.mkdir(parents=True, exist_ok=True)
    ear: onnxruntime.InferenceSession | None = None
    made: list[list[Chunks]] = [[] for _ in range(QUARTERS)]
    for number in range(SCENES):
        file = where / f"{number:04d}.npz"
        quarter = number % QUARTERS
        if not file.exists():
            ear = ear or front(original)
            found = chunk(ear, quarter, _SEED + number)
            arrays.keep(file, {"seen": found.seen, "told": found.told, "true": found.true})
        with np.load(file) as kept:
            made[quarter].append(Chunks(kept["seen"], kept["told"], kept["true"]))
    return [together(quarter) for quarter in made]


def together(parts: list[Chunks]) -> Chunks:
    return Chunks(
        np.concatenate([part.seen for part in parts]),
        np.concatenate([part.told for part in parts]),
        np.concatenate([part.true for part in parts]),
    )


def front(original: bytes) -> onnxruntime.InferenceSession:
    """The network with a second output: what its front end makes of the sound, [frames, chunks, 60]."""
    network = onnx.load_from_string(original)
    shape = onnx.helper.make_tensor_value_info(_FRONT, onnx.TensorProto.FLOAT, ["T", "B", _SIZE])
    network.graph.output.append(shape)
    return models.session(network.SerializeToString())


def chunk(ear: onnxruntime.InferenceSession, quarter: int, seed: int) -> Chunks:
    """Those of one scene."""
    random = np.random.default_rng([11, seed])
    shares = np.array(list(_KINDS.values()), float)
    take = _Take(cache.studio(quarter), str(random.choice(list(_KINDS), p=shares / shares.sum())), seed)
    samples = take.shoot().samples
    if random.random() < _TELEPHONES:
        samples = sound.telephone(samples)
    spoken = take.spoken()
    seen, told, true = [], [], []
    for first in range(int(random.integers(CHUNK // 2)), len(samples) - CHUNK + 1, CHUNK):
        logits, features = models.run(ear, input_values=samples[None, None, first : first + CHUNK])
        blocks = (first + FRAME_CENTRE + FRAME_STEP * np.arange(len(features))) // _BLOCK
        heard = spoken[:, np.minimum(blocks, spoken.shape[1] - 1)]
        most = heard[np.argsort(-heard.sum(axis=1), kind="stable")[:LOCAL_SPEAKERS]]
        speak = np.zeros((LOCAL_SPEAKERS, len(features)), np.bool_)
        speak[: len(most)] = most
        seen.append(features[:, 0])
        told.append(logits[0])
        true.append(speak)
    return Chunks(np.array(seen, np.float16), np.array(told, np.float16), np.array(true, np.bool_))
