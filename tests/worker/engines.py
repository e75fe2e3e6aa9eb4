"""An engine that does what the clip's bytes say: one command, then `|` and padding. Runs in real analyzer processes."""

from __future__ import annotations

import ctypes
import logging
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from undertone.core.verdict import Diarization, Turn
from undertone.diarize.base import AnalysisError, Clip

LOADER = "tests.worker.engines:load"


class KeywordOnly(Exception):
    """What pickling does not survive."""

    def __init__(self, *, why: str) -> None:
        super().__init__(why)


class Obedient:
    name = "obedient"

    def diarize(self, clip: Clip, profile: bytes | None = None, threads: int = 1) -> Diarization:
        command, _, argument = clip.mp3.partition(b"|")[0].decode().partition(" ")
        if command == "threads":
            time.sleep(float(argument))
            return Diarization((Turn(0, 1_000 * threads, 0),), "obedient", {}, profile=profile)
        if command == "words":
            return words(clip, profile)
        heard: Diarization = COMMANDS[command](argument, clip, (profile or b"") + b"+")
        return heard


def words(clip: Clip, stored: bytes | None) -> Diarization:
    """Tells whether the last window's words go on in this one, and hands words of its own to the next."""
    import numpy as np

    from undertone.diarize.local.profile import Profile, Voice, read, write

    goes_on = read(stored).entering(clip.place).tail is not None
    left = Profile(tail=Voice(np.eye(1, 256, dtype=np.float32)[0], 1.0)).leaving(clip.place)
    return Diarization((), "obedient", {}, unclear="goes on" if goes_on else "anew", profile=write(left))


def load(engine: str, models: object = None) -> Obedient:
    if engine != "obedient":
        raise ValueError(f"unknown engine {engine!r}")
    return Obedient()


def one(_argument: str, _clip: Clip, profile: bytes) -> Diarization:
    return Diarization((Turn(0, 40_000, 0),), "obedient", {}, profile=profile)


def two(_argument: str, _clip: Clip, profile: bytes) -> Diarization:
    return Diarization((Turn(0, 30_000, 0), Turn(32_000, 36_000, 1)), "obedient", {1: 0.87}, 0.87, profile=profile)


def slow(argument: str, clip: Clip, profile: bytes) -> Diarization:
    time.sleep(float(argument))
    return one("", clip, profile)


def busy(argument: str, clip: Clip, profile: bytes) -> Diarization:
    """Not to be interrupted by anything but the end of the process."""
    until = time.monotonic() + float(argument)
    while time.monotonic() < until:
        pass
    return one("", clip, profile)


def meet(argument: str, clip: Clip, profile: bytes) -> Diarization:
    """Leaves one file, and waits for the other: ends only if both are analysed at the same time."""
    ours, theirs = argument.split()
    Path(ours).touch()
    while not Path(theirs).exists():
        time.sleep(0.01)
    return one("", clip, profile)


def segfault(_argument: str, _clip: Clip, _profile: bytes) -> None:
    ctypes.string_at(0)


def killed(_argument: str, _clip: Clip, _profile: bytes) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def leave(argument: str, _clip: Clip, _profile: bytes) -> None:
    os._exit(int(argument))


def system_exit(_argument: str, _clip: Clip, _profile: bytes) -> None:
    sys.exit("enough")


def undecodable(_argument: str, _clip: Clip, _profile: bytes) -> None:
    raise AnalysisError("no frame could be decoded")


def unpicklable(_argument: str, _clip: Clip, _profile: bytes) -> None:
    raise KeywordOnly(why="a\0b\ud800")


def nonsense(_argument: str, _clip: Clip, _profile: bytes) -> Any:
    return "two voices, I think"


def improbable(argument: str, _clip: Clip, _profile: bytes) -> Diarization:
    return Diarization((Turn(0, 1_000, 0),), "obedient", second_voice=float(argument))


def endless(_argument: str, _clip: Clip, _profile: bytes) -> Diarization:
    return Diarization((Turn(0, 600_000, 0),), "obedient")


def hungry(_argument: str, _clip: Clip, _profile: bytes) -> Any:
    return mmap.mmap(-1, 8 * 2**30)


def loud(_argument: str, clip: Clip, profile: bytes) -> Diarization:
    """More than a pipe holds, on both standard streams, from Python and from below it; then a message."""
    for stream in (1, 2):
        os.write(stream, b"native noise\n" * 20_000)
    print("printed noise\n" * 20_000, file=sys.stderr)
    logging.getLogger("engine").warning("the model is old")
    return one("", clip, profile)


def settings(_argument: str, _clip: Clip, _profile: bytes) -> Diarization:
    """Tells how the process is set up."""
    from undertone.worker.analyzer_process import ONE_THREAD

    threads = {os.environ.get(name) for name in ONE_THREAD}
    told = f"{threads} nice {os.nice(0)} pid {os.getpid()} onnx {'onnxruntime' in sys.modules}"
    return Diarization((), "obedient", unclear=told)


COMMANDS: dict[str, Callable[[str, Clip, bytes], Any]] = {
    command.__name__: command
    for command in (
        one, two, slow, busy, meet, segfault, killed, leave, system_exit, undecodable, unpicklable, nonsense,
        improbable, endless, hungry, loud, settings,
    )
}  # fmt: skip
