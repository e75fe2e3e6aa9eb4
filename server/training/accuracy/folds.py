"""The worst fold: by speaker, by corpus, by noise; and a decision fitted anew without the fold that it is scored on.

The committed weights are fitted on training data alone, so that all of speech-dev is held out and its parts need no
fitting. `refit` asks another question: what would come of fitting on speech-dev too, as cross-validation tells it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from training.accuracy.tables import HEAD, line, main
from training.accuracy.windows import Judged

FOLDS: Final = 5
# A part with fewer windows is no fold: one error would be its share.
_LEAST: Final = 8

Parts = Callable[[Judged], Sequence[str]]


def by_speaker(one: Judged) -> Sequence[str]:
    """Five parts, each with all windows of its main speakers."""
    return [f"speakers {hashlib.sha256(one.truth.cluster.encode()).digest()[0] % FOLDS + 1} of {FOLDS}"]


def by_corpus(one: Judged) -> Sequence[str]:
    return [main(one).corpus] if one.truth.people else []


def by_noise(one: Judged) -> Sequence[str]:
    return one.truth.noises or ["no noise"]


BY: Final[dict[str, Parts]] = {"speaker": by_speaker, "corpus": by_corpus, "noise": by_noise}


def worst(judged: Sequence[Judged]) -> None:
    """The part with most false alarms, and the one with the least recall, of each way to part the windows."""
    print(f"\nWORST FOLD (of parts with {_LEAST} windows or more; nothing was fitted on any)\n{HEAD}")
    for title, second in (("false alarms", False), ("recall", True)):
        chosen = [one for one in judged if one.second is second and not one.truth.faint]
        for name, parts in BY.items():
            groups: dict[str, list[Judged]] = {}
            for one in chosen:
                for part in parts(one):
                    groups.setdefault(part, []).append(one)
            shares = {part: _share(group) for part, group in groups.items() if len(group) >= _LEAST}
            if shares:
                part = (min if second else max)(shares, key=lambda part: shares[part])
                print(f" {title}, worst of {len(shares)} by {name}")
                print(line(part, groups[part]))


def _share(group: Sequence[Judged]) -> float:
    return sum(one.alarm for one in group) / len(group)
