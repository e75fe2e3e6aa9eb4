"""Exams judged minute by minute, the candidate's profile handed on: false alarms an hour, intrusions found."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final, TypeAlias

from training.accuracy.exams import Exam, Intrusion, Sitting
from training.accuracy.intervals import poisson, wilson
from training.accuracy.tables import HEAD, line, main
from training.accuracy.windows import EDGE_SECONDS, Judged, Listener, Truth
from training.sources import Voice, noises, voices
from training.stage import SECONDS
from undertone.core.verdict import Outcome

# By name, the windows of each in order and its intrusions.
Sessions: TypeAlias = dict[str, tuple[Sequence[Judged], Sequence[Intrusion]]]

# As judging.VERSION: raised by hand when an exam is made differently.
VERSION: Final = 2
HOURS: Final = 20.0
# From here on a profile can be expected to know the candidate.
KNOWN_SECONDS: Final = 5.0
_CONFIDENCES: Final = (0.6, 0.7, 0.8, 0.9)


def judged(listener: Listener, folder: Path, hours: float = HOURS, *, make: bool = True) -> Sessions:
    """Exams until they last so many hours, each with its windows in order.

    Built and observed unless kept; without `make` only the first ones that are kept. Second looks are taken either way.
    """
    sessions: Sessions = {}
    lasted = number = 0
    while lasted < hours * 60:
        file = folder / f"{_name(number)}.json"
        kept = _read(file)
        if kept is None and not make:
            break
        sitting = functools.cache(functools.partial(Sitting, *_stock(), number))
        exam = kept or sitting().exam
        sessions[_name(number)] = (_minutes(listener, exam, sitting, kept=kept is not None), exam.intrusions)
        if kept is None:
            # Written last: then all its windows are kept.
            file.write_text(json.dumps(asdict(exam)))
            print(f"observed exam {number}: {exam.minutes} minutes", flush=True)
        lasted, number = lasted + exam.minutes, number + 1
    return sessions


@functools.cache
def _stock() -> tuple[list[Voice], dict[str, list[str]]]:
    return [voice for voice in voices("judge") if voice.seconds >= 2.5], noises("judge")


def _name(number: int) -> str:
    return f"exam{number:03d}"


def _read(file: Path) -> Exam | None:
    if not file.exists():
        return None
    told = json.loads(file.read_text())
    return Exam(told["number"], told["minutes"], tuple(Intrusion(**one) for one in told["intrusions"]))


def _minutes(listener: Listener, exam: Exam, sitting: Callable[[], Sitting], *, kept: bool) -> list[Judged]:
    profile: bytes | None = None
    found = []
    whole = None if kept else sitting().truth()
    for number in range(exam.minutes):
        if whole is not None:
            truth: Truth | None = whole.part(number, number * SECONDS, SECONDS)
        else:
            truth = listener.recall(f"{_name(exam.number)}-{number}")
        assert truth is not None
        one = listener.judge(truth, lambda number=number: sitting().minute(number), profile)
        profile = one.heard.profile
        found.append(one)
    return found


def report(exams: Sessions) -> None:
    """False alarms by the hour and by what the candidate does, and the intrusions found."""
    apart = {name: exam for name, exam in exams.items() if any(one.truth.doubtful for one in exam[0])}
    exams = {name: exam for name, exam in exams.items() if name not in apart}
    everything = [one for minutes, _ in exams.values() for one in minutes]
    quiet = [one for one in everything if not one.second]
    hours = sum(one.truth.seconds for one in everything) / 3600
    print(f"\nSESSIONS ({len(exams)} of them, {hours:.2f} candidate-hours)")
    _an_hour("false alarms", quiet, lambda one: one.alarm)
    for outcome in (Outcome.MULTIPLE_VOICES, Outcome.VOICE_CHANGED):
        _an_hour(f"  {outcome.value}", quiet, lambda one, outcome=outcome: one.verdict.outcome is outcome)
    for least in _CONFIDENCES:
        _an_hour(
            f"  confidence >= {least}", quiet, lambda one, least=least: one.alarm and one.verdict.confidence >= least
        )
    alarmed = sum(any(one.alarm and not one.second for one in minutes) for minutes, _ in exams.values())
    print(f"  sessions with any   {alarmed} of {len(exams)}")
    for name, (minutes, _) in apart.items():
        alarms = sum(one.alarm and not one.second for one in minutes)
        print(f"  left out: {name}, {alarms} false alarms in {len(minutes)} minutes: the speaker may be two people")
    print(HEAD)
    print(line("minutes with a false alarm", quiet))
    print(line("where the candidate speaks", [one for one in quiet if one.truth.segments]))
    print(line("where nobody speaks", [one for one in quiet if not one.truth.segments]))
    print(line("minutes called unclear", everything, lambda one: one.unclear))
    print(line("minutes without sound", everything, lambda one: one.heard.silent))
    for one in quiet:
        if one.alarm:
            told = f"{one.verdict.outcome.value}, speech {[ms / 1000 for ms in one.verdict.speech_ms]}"
            print(f"    {one.truth.name:12s} {main(one).corpus:26s} stated {one.probability:.2f}, {told}")
    found = [(one, _found(one, minutes)) for minutes, intrusions in exams.values() for one in intrusions]
    print(" intrusions found (in any minute they touch)")
    _share("all", found)
    for kind in dict.fromkeys(sorted(one.kind for one, _ in found)):
        _share(kind, [(one, hit) for one, hit in found if one.kind == kind])
    known = [(one, hit) for one, hit in found if one.known_seconds >= KNOWN_SECONDS]
    _share(f"{KNOWN_SECONDS:g} s of the candidate before", known)
    _share("less of the candidate before", [pair for pair in found if pair not in known])
    for level in sorted({one.level_db for one, _ in found}):
        _share(f"at {level:g} dB", [(one, hit) for one, hit in found if one.level_db == level])


def _an_hour(name: str, quiet: Sequence[Judged], hit: Callable[[Judged], bool]) -> None:
    hours, count = sum(one.truth.seconds for one in quiet) / 3600, sum(hit(one) for one in quiet)
    low, high = (bound / max(hours, 1e-9) for bound in poisson(count))
    rate = count / max(hours, 1e-9)
    print(f"  {name:20s}{count:4d} in {hours:.2f} hours: {rate:.3f} an hour (95 %, Poisson: {low:.3f} to {high:.3f})")


def _found(intrusion: Intrusion, minutes: Sequence[Judged]) -> bool:
    start = 0.0
    for one in minutes:
        within = min(intrusion.end, start + one.truth.seconds) - max(intrusion.start, start)
        if one.alarm and within >= min(EDGE_SECONDS, intrusion.end - intrusion.start):
            return True
        start += one.truth.seconds
    return False


def _share(name: str, found: Sequence[tuple[Intrusion, bool]]) -> None:
    hits = sum(hit for _, hit in found)
    low, high = wilson(hits, len(found))
    share = hits / max(len(found), 1)
    print(f"  {name:32s}{hits:4d} of {len(found):4d}  {share:6.1%}  ({low:5.1%} to {high:5.1%})")
