"""`make accuracy`: the engine on speech-dev, which nothing was fitted on.

Every file goes through the product's own path: windows, decoding, networks, decision, the rule of the verdict. Printed
are false alarms and recall by class with 95 % intervals (Wilson), by seconds and level of the second voice, what the
sessions gave, how well the stated confidence holds, and how fast it went.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training import audio, cache
from training.audio import Entry
from undertone.analyze import windows
from undertone.core.verdict import Diarization, Outcome, Verdict, judge
from undertone.diarize.base import Clip
from undertone.diarize.local import models
from undertone.diarize.local.decode import decode
from undertone.diarize.local.engine import LocalDiarizer
from undertone.diarize.local.fbank import RATE, Samples

CORPUS: Final = "speech-dev"
# A minute with less of the second voice, cut at its edge, is not scored: nobody could say what is right.
EDGE_SECONDS: Final = 0.5
# What follows the last whole minute of a file is the encoder's padding.
_PADDING_MS: Final = 1000
_Z: Final = 1.959964


@dataclass(frozen=True, slots=True)
class Scored:
    """One window with its truth and its verdict."""

    entry: Entry
    start: float
    second_seconds: float
    verdict: Verdict
    probability: float  # stated, that anybody besides the main voice speaks

    @property
    def alarm(self) -> bool:
        return self.verdict.outcome is Outcome.MULTIPLE_VOICES

    @property
    def session(self) -> bool:
        return bool(self.entry["class"] == "session")


class Listener:
    """The local engine, its observations kept on disk if wished."""

    def __init__(self, keep: Path | None) -> None:
        self.engine = LocalDiarizer()
        self._keep = keep

    def listen(self, samples: Samples, name: str) -> Diarization:
        if self._keep is None or self.engine.is_silent(samples):
            return self.engine.listen(samples)
        file = self._keep / f"{name}.npz"
        if not file.exists():
            self._keep.mkdir(parents=True, exist_ok=True)
            cache.write(file, self.engine.observe(samples), {})
        seen, _ = cache.read(file)
        return self.engine.decide(seen, len(samples) * 1000 // RATE)


def wilson(hits: int, of: int) -> tuple[float, float]:
    """95 % interval of a share."""
    if of == 0:
        return 0.0, 1.0
    share, z2 = hits / of, _Z**2
    middle = share + z2 / (2 * of)
    reach = _Z * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return max(0.0, (middle - reach) / (1 + z2 / of)), min(1.0, (middle + reach) / (1 + z2 / of))


def score(entries: Iterable[Entry], listener: Listener) -> list[Scored]:
    """Every window of the entries, in order."""
    scored = []
    for entry in entries:
        for number, start_ms, window in windows(audio.SHARED / CORPUS / entry["file"]):
            if window.duration_ms < _PADDING_MS:
                continue
            clip = Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate)
            heard = listener.listen(decode(clip), f"{Path(entry['file']).stem}-{number}")
            scored.append(
                Scored(
                    entry=entry,
                    start=start_ms / 1000,
                    second_seconds=_second(entry, start_ms / 1000, (start_ms + window.duration_ms) / 1000),
                    verdict=judge(heard),
                    probability=0.0 if heard.silent else heard.second_voice or 0.0,
                )
            )
    return scored


def _second(entry: Entry, start: float, end: float) -> float:
    """Seconds of all voices but the main one between two times."""
    if entry["class"] != "session":
        return float(entry["second_voice_seconds"])
    return sum(
        max(0.0, min(stop, end) - max(begin, start))
        for begin, stop, speaker in entry["segments"]
        if any(speaker == intrusion["speaker"] for intrusion in entry["intrusions"])
    )


def share(scored: Sequence[Scored]) -> str:
    """Alarms among these windows, with the interval."""
    hits = sum(one.alarm for one in scored)
    low, high = wilson(hits, len(scored))
    rate = hits / len(scored) if scored else math.nan
    return f"{hits:3d} of {len(scored):3d}  {rate:6.1%}  ({low:.1%} to {high:.1%})"


def report(scored: list[Scored]) -> None:
    single = [one for one in scored if not one.session]
    one_voice = [one for one in single if not one.entry["more_than_one"]]
    two_voices = [one for one in single if one.entry["more_than_one"]]
    faint = [one for one in two_voices if (one.entry["second_snr_db"] or 99) < 6]
    clear = [one for one in two_voices if one not in faint]
    print("\nFALSE ALARMS (windows with one voice or none)")
    _by_class(one_voice)
    print(f"  {'all':20s} {share(one_voice)}")
    print("\nRECALL (windows with two voices or more)")
    _by_class(clear)
    print(f"  {'all':20s} {share(clear)}")
    print(f"  {'faint, under 6 dB':20s} {share(faint)}    (apart: people may miss them too)")
    _by_second_voice(clear)
    _missed(one_voice, clear)
    _sessions([one for one in scored if one.session])
    _calibration([one for one in scored if not (one.session and 0 < one.second_seconds < EDGE_SECONDS)])


def _by_class(scored: list[Scored]) -> None:
    for name in dict.fromkeys(sorted(one.entry["class"] for one in scored)):
        print(f"  {name:20s} {share([one for one in scored if one.entry['class'] == name])}")


def _by_second_voice(scored: list[Scored]) -> None:
    def among(name: str, of: Callable[[Scored], bool]) -> None:
        print(f"  {name:20s} {share([one for one in scored if of(one)])}")

    print(" by seconds of the second voice")
    for low, high in ((0.0, 2.5), (2.5, 5.0), (5.0, 12.0), (12.0, 60.0)):
        among(f"{low:g} to {high:g} s", lambda one, low=low, high=high: low <= one.second_seconds < high)
    print(" by its level against the main voice")
    for low, high in ((-40.0, -15.0), (-15.0, -9.0), (-9.0, -3.0), (-3.0, 40.0)):
        level = f"{low:g} to {high:g} dB"
        among(level, lambda one, low=low, high=high: low <= _level(one) < high)
    among("5 s, −12 dB or more", lambda one: one.second_seconds >= 5 and _level(one) >= -13)


def _level(one: Scored) -> float:
    level = one.entry["second_level_db"]
    return math.nan if level is None else float(level)


def _missed(one_voice: list[Scored], two_voices: list[Scored]) -> None:
    print("\nWRONG ONES")
    for one in [*(o for o in one_voice if o.alarm), *(o for o in two_voices if not o.alarm)]:
        entry = one.entry
        second = f"second {one.second_seconds:4.1f} s at {entry['second_level_db']} dB"
        stated = f"stated {one.probability:.2f}, speech {one.verdict.speech_ms}"
        print(f"  {entry['file']} {entry['class']:20s} {second}, {stated}")


def _sessions(scored: list[Scored]) -> None:
    quiet = [one for one in scored if one.second_seconds == 0]
    intrusions = found = 0
    for one in {id(one.entry): one for one in scored}.values():
        for intrusion in one.entry["intrusions"]:
            intrusions += 1
            near = [o for o in scored if o.entry is one.entry and o.start - 60 < intrusion["start"]]
            found += any(o.alarm and o.start < intrusion["end"] and o.start + 60 > intrusion["start"] for o in near)
    hours = len(scored) / 60
    print(f"\nSESSIONS ({hours:.2f} candidate-hours)")
    print(f"  false alarms         {share(quiet)}")
    print(f"  intrusions found     {found} of {intrusions}")


def _calibration(scored: list[Scored]) -> None:
    """Expected calibration error of the stated probability, in ten bins, and against a mix with 5 % second voices."""
    print("\nCONFIDENCE (stated probability of a second voice against how often there was one)")
    total = error = 0.0
    for tenth in range(10):
        bin_ = [one for one in scored if min(9, int(one.probability * 10)) == tenth]
        if bin_:
            stated = sum(one.probability for one in bin_) / len(bin_)
            truly = sum(one.second_seconds > 0 for one in bin_) / len(bin_)
            low, count = tenth / 10, len(bin_)
            print(f"  {low:.1f} to {low + 0.1:.1f}  {count:4d} windows, stated {stated:.2f}, true {truly:.2f}")
            error += abs(stated - truly) * len(bin_)
            total += len(bin_)
    print(f"  expected calibration error {error / max(total, 1):.3f}")


def speed(entries: list[Entry], engine: LocalDiarizer) -> None:
    """Windows a second on one core, by how much speech they hold; decoding included."""
    print("\nSPEED (windows a second on one core: by processor time, by the wall)")
    fills: dict[str, Callable[[Entry], bool]] = {
        "full speech": lambda e: e["speech_seconds"] > 45,
        "about 10 s": lambda e: 7 < e["speech_seconds"] < 13,
        "nobody speaks": lambda e: e["voices"] == 0,
        "digital silence": lambda e: e["class"] == "silence" and _is_dead(e, engine),
    }
    for name, wanted in fills.items():
        chosen = [e for e in entries if e["class"] != "session" and wanted(e)][:5]
        clips = [next(windows(audio.SHARED / CORPUS / e["file"]))[2] for e in chosen]
        cpu, wall = time.process_time(), time.perf_counter()
        for window in clips:
            engine.diarize(Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate))
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        print(f"  {name:16s} {len(clips) / cpu:6.2f} {len(clips) / wall:6.2f}   ({len(clips)} windows)")


def _is_dead(entry: Entry, engine: LocalDiarizer) -> bool:
    _, _, window = next(windows(audio.SHARED / CORPUS / entry["file"]))
    clip = Clip(window.clip, window.lead_in_samples, window.samples, window.format.sample_rate)
    return engine.is_silent(decode(clip))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep what the networks say, and use what was kept")
    asked = parser.parse_args()
    key = hashlib.sha256(models.data(models.MANIFEST)).hexdigest()[:12]
    listener = Listener(audio.CACHE / f"{CORPUS}-v{cache.VERSION}-{key}" if asked.keep else None)
    entries = audio.manifest(CORPUS)
    print(f"{len(entries)} files of {CORPUS}", flush=True)
    report(score(entries, listener))
    speed(entries, listener.engine)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
