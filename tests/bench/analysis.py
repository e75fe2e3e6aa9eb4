"""What analysing a minute costs on one core: by how much is spoken, by stage, and in memory.

Each measurement takes the bundled minutes, in a fresh process with one thread. Stages are timed where they stand, in
the engine at work, so that a stage that is passed over costs nothing.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from tests.diarize.speech import ONE_VOICE, TWO_VOICES, encoded, minute

ROUNDS: Final = 3
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
REST: Final = "pooling, decision"


def main() -> None:
    """Measures in a process of its own, so that its threads and memory are its own too."""
    command = [sys.executable, "-m", "tests.bench.analysis"]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=True, stdout=subprocess.PIPE)
    told = json.loads(done.stdout)
    stages = list(next(iter(told["windows"].values()))["stages"])
    print(f"loading the engine        {told['load_ms']:8.0f} ms, once a process")
    print(f"memory of the process     {told['memory_mib']:8.0f} MiB at its peak")
    print("\none window of 60 s, processor time in ms (windows/s/core of the whole; by the wall in brackets)")
    print(f"  {'':28s}{'windows/s/core':>18s}{'all':>7s}" + "".join(f"{name:>20s}" for name in stages))
    for name, window in told["windows"].items():
        speed = f"{1 / window['cpu']:.2f} ({1 / window['wall']:.2f})"
        each = "".join(f"{window['stages'][stage] * 1000:20.0f}" for stage in stages)
        print(f"  {name:28s}{speed:>18s}{window['cpu'] * 1000:7.0f}{each}")


class Stopwatch:
    """Processor time in named functions, that of named functions which they call left out."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._running: list[str] = []
        self._since = time.process_time()

    def watch(self, owner: Any, attribute: str, name: str) -> None:
        """From now on calls of `owner.attribute` count as that stage."""
        work = getattr(owner, attribute)
        self.seconds[name] = 0.0

        def watched(*args: Any, **kwargs: Any) -> Any:
            with self.stage(name):
                return work(*args, **kwargs)

        setattr(owner, attribute, watched)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self._note()
        self._running.append(name)
        try:
            yield
        finally:
            self._note()
            self._running.pop()

    def _note(self) -> None:
        now = time.process_time()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now


def measure() -> None:
    """The measurement itself; prints one JSON object."""
    import numpy as np

    from undertone.diarize.base import Clip
    from undertone.diarize.engines import load
    from undertone.diarize.local import embedding, engine
    from undertone.diarize.local.decode import Sound, decode
    from undertone.diarize.local.segmentation import Segmenter
    from undertone.diarize.local.vad import VoiceActivity

    begun = time.process_time()
    local = load("local")
    loaded = time.process_time() - begun
    speech = decode(minute(ONE_VOICE))
    seconds = len(speech) // 16_000
    room = np.random.default_rng(1).normal(0, 10 ** (-50 / 20), seconds * 16_000).astype(np.float32)

    def spoken(most: int) -> Clip:
        """So many seconds of speech, then a quiet room."""
        samples = room.copy()
        samples[: most * 16_000] += speech[: most * 16_000]
        return Clip(encoded(samples, 16_000), 0, len(samples), 16_000)

    knocks = room.copy()
    for second in range(0, seconds, 4):  # somebody sits there, and types
        at = second * 16_000 + np.arange(1600)
        knocks[at] += (0.05 * np.exp(-np.arange(1600) / 200) * np.sin(np.arange(1600))).astype(np.float32)
    hiss = np.random.default_rng(2).normal(0, 10 ** (-75 / 20), seconds * 48_000).astype(np.float32)
    muted, dead = (Clip(encoded(sound, 48_000), 0, seconds * 48_000, 48_000) for sound in (np.zeros_like(hiss), hiss))
    clips = {
        "full of speech, one voice": minute(ONE_VOICE),
        "full of speech, two voices": minute(TWO_VOICES),
        "10 s of speech": spoken(10),
        "knocks in a quiet room": Clip(encoded(knocks, 16_000), 0, len(knocks), 16_000),
        "a quiet room": spoken(0),
        "a dead microphone": dead,
        "a muted microphone": muted,
    }
    watch = Stopwatch()
    watch.watch(engine, "decoded", "decode")
    watch.watch(Sound, "resampled", "resampling")
    watch.watch(VoiceActivity, "listen", "voice activity")
    watch.watch(Segmenter, "segment", "segmentation")
    watch.watch(embedding, "fbank", "filter banks")
    watch.watch(embedding.Embedder, "look", "voice trunk")
    windows = {name: _cost(watch, functools.partial(local.diarize, clip)) for name, clip in clips.items()}
    told = {
        "load_ms": loaded * 1000,
        "memory_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "windows": windows,
    }
    json.dump(told, sys.stdout)


def _cost(watch: Stopwatch, work: Callable[[], object]) -> dict[str, Any]:
    """Seconds of processor, in all and by stage, and of wall: of the cheapest of a few rounds."""
    rounds = []
    for _ in range(ROUNDS):
        watch.seconds = {**dict.fromkeys(watch.seconds, 0.0), REST: 0.0}
        wall = time.perf_counter()
        with watch.stage(REST):
            work()
        stages = dict(watch.seconds)
        rounds.append({"cpu": sum(stages.values()), "wall": time.perf_counter() - wall, "stages": stages})
    return min(rounds, key=lambda round_: round_["cpu"])


if __name__ == "__main__":
    measure()
