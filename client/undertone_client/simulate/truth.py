"""Who really speaks in the files, where somebody wrote it down: `manifest.jsonl` beside them, one object a line.

Read of each line: `file`, `seconds`, `voices` (how many people speak in it), `second_voice_seconds` (how long those
speak who are not the main one), and `segments` `[[begin_s, end_s, speaker], …]` where known.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

import msgspec

from undertone.core.errors import UndertoneError

MANIFEST: Final = "manifest.jsonl"
# A second voice that speaks for less within a window is for the engine's own benchmark to judge, not for a test of what
# gets lost: the engine finds the shortest less often (docs/analysis.md).
CLEARLY_S: Final = 9.0
WHOLE_WINDOW_S: Final = 59.0


class BadManifest(UndertoneError):
    """A line of the manifest that can't be read; says which."""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks in one file."""

    file: str
    seconds: float
    voices: int
    second_voice_seconds: float = 0.0
    second_level_db: float | None = None  # beside the main voice
    segments: list[tuple[float, float, str]] | None = None

    def second_voice(self, begin_s: float, end_s: float) -> float:
        """Seconds that others than the main speaker speak between two times; the file repeats."""
        if self.voices < 2:
            return 0.0
        if self.segments is None:  # then only what whole rounds hold is known
            return self.second_voice_seconds * ((end_s - begin_s + 1) // self.seconds)
        spoken: Counter[str] = Counter()
        for begin, end, speaker in self.segments:
            spoken[speaker] += 0 if end <= begin else round((end - begin) * 1000)
        main = spoken.most_common(1)[0][0] if spoken else ""
        first, last = int(begin_s // self.seconds), int(end_s // self.seconds)
        return sum(
            max(0.0, min(end + self.seconds * turn, end_s) - max(begin + self.seconds * turn, begin_s))
            for turn in range(first, last + 1)
            for begin, end, speaker in self.segments
            if speaker != main
        )

    def clearly_two(self, begin_s: float, end_s: float) -> bool:
        """Whether a window with this sound must raise an anomaly: a whole one; the other speaks long and near."""
        near = self.second_level_db is None or self.second_level_db >= -6
        return near and end_s - begin_s >= WHOLE_WINDOW_S and self.second_voice(begin_s, end_s) >= CLEARLY_S


def read(folder: Path) -> dict[str, Truth]:
    """By file name; empty without a manifest."""
    path = (folder if folder.is_dir() else folder.parent) / MANIFEST
    if not path.is_file():
        return {}
    decoder = msgspec.json.Decoder(Truth)
    truths = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip():
            try:
                truth = decoder.decode(line)
            except msgspec.DecodeError as error:
                raise BadManifest(f"{path}, line {number}: {error}") from None
            truths[truth.file] = truth
    return truths
