"""What runs inside an analyzer process: one clip in, one plain answer out.

Imported by a process that does nothing else, so nothing heavy is imported before it is needed. The engine's messages,
and what its native libraries write to the standard streams, go to a file: the standard output is the line to the
parent, and nobody reads the standard error.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import importlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TextIO

import msgspec

if TYPE_CHECKING:
    from undertone.diarize.base import Diarizer, Place
    from undertone.diarize.sherpa.models import Models

# Numeric libraries would each take all cores for themselves; how many threads a clip gets, its job says.
ONE_THREAD: Final = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
# The sockets go first where both share a core.
NICENESS: Final = 10
# Neither messages nor an engine's own files may fill the disk.
LARGEST_FILE_BYTES: Final = 64 * 2**20
# <sys/prctl.h>
PR_SET_PDEATHSIG: Final = 1
# Time to write where an engine hangs before the deadline kills the process.
BEFORE_DEADLINE_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Job:
    """One clip to analyse. Crosses the process border by pickling."""

    loader: str  # "module:function", the function that loads an engine by name and models
    engine: str
    models: Models | None  # of an engine that brings none
    mp3: bytes
    lead_in_samples: int
    samples: int
    sample_rate: int
    place: Place | None
    profile: bytes | None
    threads: int  # that may work on it
    notes: str  # path of the file that takes the messages
    parent: int  # process id of who asks
    memory_bytes: int
    deadline: float  # by time.monotonic(), which all processes of a machine share


# What was heard (a Diarization as MessagePack), or why nothing was.
Answer = tuple[Literal["heard"], bytes] | tuple[Literal["failed"], str]

_settled = False


def analyse(job: Job) -> Answer:
    """What is heard in the clip."""
    return _answered(job, _heard)


def warm(job: Job) -> Answer:
    """The engine loaded, and nothing heard: whether it can be used, and the next clip need not wait for it."""
    return _answered(job, _loaded)


def _answered(job: Job, work: Callable[[Job], bytes]) -> Answer:
    """Never raises: an exception would be pickled, which those with keyword-only constructors do not survive."""
    with _noted(job.notes) as notes:
        faulthandler.enable(notes)
        faulthandler.dump_traceback_later(max(job.deadline - time.monotonic() - BEFORE_DEADLINE_S, 0.01), file=notes)
        try:
            _settle(job)
            return "heard", work(job)
        except BaseException as error:  # noqa: BLE001 - SystemExit too: an engine's exit() is its failure
            return "failed", _why(error, notes)
        finally:
            faulthandler.cancel_dump_traceback_later()
            faulthandler.disable()


def _why(error: BaseException, notes: TextIO) -> str:
    from undertone.diarize.base import AnalysisError

    if isinstance(error, AnalysisError):  # made for people
        return str(error)
    traceback.print_exception(error, file=notes)
    return f"{type(error).__name__}: {error}"


def _loaded(job: Job) -> bytes:
    _engine(job)
    return b""


def _heard(job: Job) -> bytes:
    from undertone.diarize.base import Clip

    clip = Clip(job.mp3, job.lead_in_samples, job.samples, job.sample_rate, job.place)
    return msgspec.msgpack.encode(_engine(job).diarize(clip, job.profile, job.threads))


def _engine(job: Job) -> Diarizer:
    module, _, function = job.loader.partition(":")
    engine: Diarizer = getattr(importlib.import_module(module), function)(job.engine, job.models)
    return engine


def _settle(job: Job) -> None:
    """Once a process, before anything numeric is imported."""
    global _settled  # noqa: PLW0603 - the process has one state, and this is it
    if _settled:
        return
    # Ctrl-C and an orderly stop reach the whole process group. The parent decides: it lets us finish, or kills us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _die_with(job.parent)
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    os.nice(NICENESS)
    _limit(resource.RLIMIT_CORE, 0)  # a core dump would hold somebody's voice
    _limit(resource.RLIMIT_FSIZE, LARGEST_FILE_BYTES)
    _limit(resource.RLIMIT_AS, job.memory_bytes)  # an engine that grows without end fails here, not the whole machine
    _settled = True


def _die_with(parent: int) -> None:
    """A parent that is killed can't kill us: Linux does it. Elsewhere we end with the clip, when the line is closed."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it was gone before we asked
            os._exit(1)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (allowed, allowed))


@contextlib.contextmanager
def _noted(path: str) -> Iterator[TextIO]:
    """Both standard streams, Python's and the descriptors below them, into the file at `path`."""
    with open(path, "a", buffering=1, encoding="utf-8", errors="backslashreplace") as notes:  # noqa: PTH123
        line = os.dup(1)
        os.dup2(notes.fileno(), 1)
        os.dup2(notes.fileno(), 2)
        try:
            with contextlib.redirect_stdout(notes), contextlib.redirect_stderr(notes):
                yield notes
        finally:
            os.dup2(line, 1)
            os.close(line)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
