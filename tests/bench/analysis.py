"""What analysing a minute costs on one core: as a whole by how much is spoken, by stage, and in memory.

Each measurement takes the bundled minutes, in a fresh process with one thread. Beside it stands what decoding alone
costs, which no analysis can do without.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tests.diarize.speech import ONE_VOICE, TWO_VOICES, encoded, minute

if TYPE_CHECKING:
    from undertone.diarize.base import Clip

ROUNDS: Final = 3
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def main() -> None:
    """Measures in a process of its own, so that its threads and memory are its own too."""
    command = [sys.executable, "-m", "tests.bench.analysis"]
    done = subprocess.run(command, env={**os.environ, **ONE_THREAD}, check=True, stdout=subprocess.PIPE)
    told = json.loads(done.stdout)
    print(f"loading the engine        {told['load_ms']:8.0f} ms, once a process")
    print(f"memory of the process     {told['memory_mib']:8.0f} MiB at its peak")
    print("\none window of 60 s, processor time      ms   windows/s/core   (wall)")
    for name, (cpu, wall) in told["windows"].items():
        print(f"  {name:32s} {cpu * 1000:8.0f}   {1 / cpu:8.2f}         ({1 / wall:.2f})")
    print("\nstages of a minute full of speech, processor time")
    for name, seconds in told["stages"].items():
        print(f"  {name:32s} {seconds * 1000:8.0f}")


def measure() -> None:
    """The measurement itself; prints one JSON object."""
    import numpy as np

    from undertone.diarize.base import Clip
    from undertone.diarize.engines import load
    from undertone.diarize.local import evidence
    from undertone.diarize.local.decision import decide, learned
    from undertone.diarize.local.decode import decode
    from undertone.diarize.local.embedding import CELL, Embedder
    from undertone.diarize.local.segmentation import Segmenter
    from undertone.diarize.local.vad import VoiceActivity

    begun = time.process_time()
    engine = load("local")
    loaded = time.process_time() - begun
    speech = decode(minute(ONE_VOICE))
    seconds = len(speech) // 16_000
    room = np.random.default_rng(1).normal(0, 10 ** (-50 / 20), seconds * 16_000).astype(np.float32)

    def spoken(most: int) -> Clip:
        """So many seconds of speech, then a quiet room."""
        samples = room.copy()
        samples[: most * 16_000] += speech[: most * 16_000]
        return Clip(encoded(samples, 16_000), 0, len(samples), 16_000)

    dead = Clip(encoded(np.zeros(seconds * 48_000, np.float32), 48_000), 0, seconds * 48_000, 48_000)
    clips = {
        "full of speech, one voice": minute(ONE_VOICE),
        "full of speech, two voices": minute(TWO_VOICES),
        "10 s of speech": spoken(10),
        "a quiet room": spoken(0),
        "a dead microphone": dead,
    }
    windows = {name: _cost(functools.partial(engine.diarize, clip)) for name, clip in clips.items()}
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    windows["decoding alone"] = _cost(lambda: decode(minute(ONE_VOICE)))

    activity, segmenter, embedder, by = VoiceActivity(), Segmenter(), Embedder(), learned()
    seen = engine.observe(speech)  # type: ignore[attr-defined]
    everything = np.ones(-(-len(speech) // CELL), np.bool_)
    of = evidence.partials(seen, by.probe, by.least_voice)
    stages: dict[str, Callable[[], object]] = {
        "decode": lambda: decode(minute(ONE_VOICE)),
        "voice activity": lambda: activity.listen(speech),
        "segmentation": lambda: segmenter.segment(speech),
        "filter banks and voice trunk": lambda: embedder.look(speech, everything),
        "clustering and decision": lambda: decide(seen, of, by),
    }
    told = {
        "load_ms": loaded * 1000,
        "memory_mib": memory,
        "windows": windows,
        "stages": {name: _cost(stage)[0] for name, stage in stages.items()},
    }
    json.dump(told, sys.stdout)


def _cost(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds of processor and of wall, the least of a few rounds."""
    rounds = []
    for _ in range(ROUNDS):
        cpu, wall = time.process_time(), time.perf_counter()
        work()
        rounds.append((time.process_time() - cpu, time.perf_counter() - wall))
    return min(rounds)


if __name__ == "__main__":
    measure()
