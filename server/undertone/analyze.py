"""`undertone analyze`: files through the same windows, engine and verdict as the streams of an exam.

The windows of one file belong to one candidate: they are analysed in order, the voice profile passed on. Files are
spread over processes, one a core, and told in the order they were named.
"""

from __future__ import annotations

import argparse
import functools
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from undertone.core.errors import RemoteFault
from undertone.core.tags import container
from undertone.core.verdict import Outcome, Verdict, judge
from undertone.core.window import WindowClosed, WindowCutter
from undertone.diarize.base import MOST_THREADS, AnalysisError, Clip, Place
from undertone.diarize.engines import ENGINES, load

# Bytes read at once; small enough that a file on a slow disk is told of window by window.
_READ: Final = 256 * 1024
_MAGIC: Final = 16  # bytes that tell a container

_HELP: Final = """\
Cuts each MP3 file into windows of 60 seconds, as the server cuts a candidate's stream, and tells for each window how
many people speak in it and when. The windows of one file belong to one candidate.

examples:
  undertone analyze exam.mp3                 a readable line a window
  undertone analyze --json *.mp3 > out.jsonl one JSON object a line, nothing else on stdout
  undertone analyze --json exam.mp3 | jq 'select(.multiple_voices) | [.start, .other_seconds]'

With --json a line is
  {"file", "window", "start", "seconds", "voices", "multiple_voices", "outcome", "other_seconds", "confidence",
   "turns": [[start, end, speaker], …]}
in seconds: `start` from the file's beginning, turns from the window's. `voices` counts the people heard; speaker 0 is
the main voice, `other_seconds` is the speech of everyone else. `outcome` is clean, silent, unclear, multiple_voices, or
voice_changed: one voice alone, unlike the one in the windows before.

exit code: 0 if every file was analysed, 1 if one could not be (the reason is on stderr, the others are still done)."""


@dataclass(frozen=True, slots=True)
class Line:
    """One window's verdict."""

    file: str
    window: int
    start_ms: int
    duration_ms: int
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """All that came of one file."""

    lines: tuple[Line, ...]
    failure: str | None  # why the rest of the file could not be analysed


class NoAudio(AnalysisError):
    """A file without an MP3 frame."""


def windows(file: Path) -> Iterator[tuple[int, int, WindowClosed]]:
    """The windows of a file as (number, start in ms, window); raises BadAudio, NoAudio or OSError.

    Where the format changes a candidate would begin a new stream; here numbers and time go on.
    """
    cutter = WindowCutter()
    number = begun_ms = 0
    with file.open("rb") as source:
        looks_like = container(source.read(_MAGIC))
        source.seek(0)
        while True:
            data = source.read(_READ)
            closed = cutter.feed(data) if data else [last for last in [cutter.flush()] if last]
            for window in closed:
                yield number, begun_ms + window.start_ms, window
                number += 1
            if cutter.format_changed:
                begun_ms += cutter.media_ms
                source.seek(cutter.format_changed.offset - cutter.position, os.SEEK_CUR)
                cutter = WindowCutter()
            elif not data:
                break
    if cutter.bad_audio:
        raise cutter.bad_audio
    if number == 0:
        raise NoAudio("no MP3 frame in it" + (f"; it looks like {looks_like}" if looks_like else ""))


def analyze(file: str, engine: str, expected_voices: int = 1, threads: int = 1) -> Report:
    """All windows of one file, in order. What went wrong is told in the report."""
    lines: list[Line] = []
    profile: bytes | None = None
    try:
        diarizer = load(engine)
        for number, start_ms, window in windows(Path(file)):
            place = Place(1, start_ms, start_ms + window.duration_ms)
            clip = Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate, place)
            diarization = diarizer.diarize(clip, profile, threads)
            profile = diarization.profile
            lines.append(Line(file, number, start_ms, window.duration_ms, judge(diarization, expected_voices)))
    except OSError as error:
        return Report(tuple(lines), error.strerror or str(error))
    except RemoteFault as error:
        return Report(tuple(lines), error.detail)
    except AnalysisError as error:
        return Report(tuple(lines), str(error))
    return Report(tuple(lines), None)


def as_json(line: Line) -> str:
    """One object on one line; seconds with milliseconds."""
    verdict = line.verdict
    return json.dumps(
        {
            "file": line.file,
            "window": line.window,
            "start": line.start_ms / 1000,
            "seconds": line.duration_ms / 1000,
            "voices": verdict.voices,
            "multiple_voices": verdict.outcome is Outcome.MULTIPLE_VOICES,
            "outcome": verdict.outcome.value,
            "other_seconds": verdict.other_ms / 1000,
            "confidence": verdict.confidence,
            "turns": [[turn.start_ms / 1000, turn.end_ms / 1000, turn.speaker] for turn in verdict.turns],
        },
        ensure_ascii=False,
    )


def as_text(line: Line) -> str:
    """One readable line."""
    verdict = line.verdict
    start, end = _clock(line.start_ms), _clock(line.start_ms + line.duration_ms)
    head = f"{line.file}  {start}–{end}  {_OUTCOMES[verdict.outcome]:16s}"
    if verdict.outcome is Outcome.SILENT:
        return f"{head}  {verdict.reason}"
    speech = " + ".join(f"{ms / 1000:.1f}" for ms in verdict.speech_ms)
    said = f"{verdict.voices} voice{'s' if verdict.voices != 1 else ''}" + (f": {speech} s" if speech else "")
    text = f"{head}  {said}  ({verdict.confidence:.0%} sure)"
    others = [turn for turn in verdict.turns if turn.speaker > 0]
    if verdict.outcome is Outcome.MULTIPLE_VOICES and others:
        text += "  others at " + ", ".join(_clock(line.start_ms + turn.start_ms) for turn in others[:_SHOWN])
        text += ", …" if len(others) > _SHOWN else ""
    return text if verdict.reason is None else f"{text}  {verdict.reason}"


_SHOWN: Final = 5  # of the others' turns: a line should fit a screen
_OUTCOMES: Final = {outcome: outcome.value.replace("_", " ") for outcome in Outcome}


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes:02d}:{seconds:02d}"


def run(argv: Sequence[str], out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; `argv` without its name. Returns the exit code."""
    out, err = out or sys.stdout, err or sys.stderr
    asked = _parser().parse_args(argv)
    if asked.engine not in ENGINES:
        print(f"unknown engine {asked.engine!r}: known are {', '.join(ENGINES)}", file=err)
        return 2
    failed = False
    for file, report in zip(asked.files, _reports(asked.files, asked.engine, asked.jobs), strict=True):
        for line in report.lines:
            print(as_json(line) if asked.json else as_text(line), file=out)
        out.flush()
        if report.failure is not None:
            failed = True
            print(f"{file}: {report.failure}", file=err)
    return 1 if failed else 0


def _reports(files: Sequence[str], engine: str, jobs: int) -> Iterator[Report]:
    """One report a file, in order, each as soon as it and those before it are done."""
    processes = max(1, min(jobs, len(files)))
    listen = functools.partial(analyze, engine=engine, threads=min(MOST_THREADS, max(1, jobs // processes)))
    if processes == 1:
        yield from map(listen, files)
        return
    # Spawned, not forked: numeric libraries do not survive a fork of a process that has used them.
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting: list[Future[Report]] = [pool.submit(listen, file) for file in files]
        for report in waiting:
            try:
                yield report.result()
            except BrokenProcessPool:
                yield Report((), "the analysis process died, most likely of too little memory")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="undertone analyze", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="MP3 files: any rate, mono or stereo, with or without tags"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a readable line")
    parser.add_argument("--engine", default="local", help="which engine listens (default: %(default)s)")
    parser.add_argument(
        "--jobs",
        type=int,
        default=_cores(),
        metavar="N",
        help="cores to use (default: all, here %(default)s)",
    )
    return parser


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
