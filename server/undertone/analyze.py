"""`undertone analyze`: files through the same windows, engine and verdict as the streams of an exam.

The windows of one file belong to one candidate: they are analysed in order, the voice profile passed on. Files are
analysed side by side, as many as the engine takes, and told in the order they were named.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

import anyio

from undertone.choices import check_engines, ear
from undertone.config import PREFIX, ConfigError, Settings
from undertone.core.errors import RemoteFault
from undertone.core.tags import container
from undertone.core.verdict import Outcome, Verdict, judge
from undertone.core.window import WindowClosed, WindowCutter
from undertone.diarize.base import AnalysisError, Clip, Place
from undertone.diarize.specification import parse
from undertone.worker.ears import AnalysisFailed, Ear

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
  UNDERTONE_DEEPGRAM_API_KEY=… undertone analyze --engine local+deepgram exam.mp3
                                             Deepgram hears what local would report, and has to agree

With --json a line is
  {"file", "window", "start", "seconds", "voices", "multiple_voices", "outcome", "other_seconds", "confidence",
   "turns": [[start, end, speaker], …], "engine", "reason"}
in seconds: `start` from the file's beginning, turns from the window's. `voices` counts the people heard; speaker 0 is
the main voice, `other_seconds` is the speech of everyone else. `outcome` is clean, silent, unclear, multiple_voices, or
voice_changed: one voice alone, unlike the one in the windows before. `engine` is who answered, `reason` what else there
is to say, or null. Other engines than local take the settings that `undertone worker` takes.

exit code: 0 if every file was analysed, 1 if one could not be (the reason is on stderr, the others are still done),
2 if an option or a setting is wrong (nothing is analysed)."""


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


async def analyze(file: str, listening: Ear, expected_voices: int = 1) -> Report:
    """All windows of one file, in order. What went wrong is told in the report."""
    lines: list[Line] = []
    profile: bytes | None = None
    try:
        for number, start_ms, window in windows(Path(file)):
            place = Place(1, start_ms, start_ms + window.duration_ms)
            clip = Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate, place)
            heard = await listening.analyse(clip, profile, expected_voices)
            profile = heard.profile or profile
            lines.append(Line(file, number, start_ms, window.duration_ms, judge(heard, expected_voices)))
    except OSError as error:
        return Report(tuple(lines), error.strerror or str(error))
    except RemoteFault as error:
        return Report(tuple(lines), error.detail)
    except (AnalysisError, AnalysisFailed) as failed:
        return Report(tuple(lines), str(failed))
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
            "engine": verdict.engine,
            "reason": verdict.reason,
        },
        ensure_ascii=False,
    )


def as_text(line: Line) -> str:
    """One readable line."""
    verdict = line.verdict
    head = f"{line.file}  {_span(line.start_ms, line.start_ms + line.duration_ms)}  {_OUTCOMES[verdict.outcome]:16s}"
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


def _span(start_ms: int, end_ms: int) -> str:
    """From when to when; with milliseconds where it lasts no second: what a coder adds behind the last whole minute."""
    start, end = _clock(start_ms), _clock(end_ms)
    return f"{start}–{end}" if start != end else f"{start}.{start_ms % 1000:03d}–{end}.{end_ms % 1000:03d}"


def _clock(ms: int) -> str:
    minutes, seconds = divmod(ms // 1000, 60)
    return f"{minutes:02d}:{seconds:02d}"


def run(argv: Sequence[str], out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; `argv` without its name. Returns the exit code."""
    out, err = out or sys.stdout, err or sys.stderr
    asked = _parser().parse_args(argv)
    try:
        settings = engine_settings(asked.engine, os.environ)
        check_engines(settings)
    except ConfigError as error:
        print(error, file=err)
        return 2
    failed = False

    def tell(file: str, report: Report) -> None:
        nonlocal failed
        for line in report.lines:
            print(as_json(line) if asked.json else as_text(line), file=out)
        out.flush()
        if report.failure is not None:
            failed = True
            print(f"{file}: {report.failure}", file=err)

    anyio.run(_analyze_all, asked.files, settings, max(1, asked.jobs), tell)
    return 1 if failed else 0


def engine_settings(engine: str, environment: Mapping[str, str]) -> Settings:
    """Settings of the engines alone: nothing else in the environment concerns files. Raises ConfigError."""
    try:
        specification = str(parse(engine))
    except ValueError as error:
        raise ConfigError(f"--engine={engine}: {error}") from None
    concerned = tuple(PREFIX + name for name in ("DEEPGRAM_", "SHERPA_", "ANALYSIS_"))
    said = {name: value for name, value in environment.items() if name.startswith(concerned)}
    return Settings.read(said, {"diarizer": specification})


async def _analyze_all(
    files: Sequence[str], settings: Settings, jobs: int, tell: Callable[[str, Report], None]
) -> None:
    """Tells one report a file, in order, each as soon as it and those before it are done."""
    listening = ear(settings, jobs)
    places = anyio.CapacityLimiter(listening.capacity)
    reports: dict[int, Report] = {}
    done = [anyio.Event() for _ in files]

    async def one(number: int) -> None:
        async with places:
            reports[number] = await analyze(files[number], listening)
        done[number].set()

    try:
        async with anyio.create_task_group() as tasks:
            for number in range(len(files)):
                tasks.start_soon(one, number)
            for number, file in enumerate(files):
                await done[number].wait()
                tell(file, reports.pop(number))
    finally:
        with anyio.CancelScope(shield=True):
            await listening.close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="undertone analyze", description=_HELP, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="MP3 files: any rate, mono or stereo, with or without tags"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line instead of a readable line")
    parser.add_argument(
        "--engine",
        default="local",
        help="which engine listens, or a chain as in docs/engines.md (default: %(default)s)",
    )
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
