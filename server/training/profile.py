"""`make profile`: what the candidate's profile has learned, from desks of the `fit` part.

A trial is a profile, made of one to three windows of one person, and some seconds of another window at the same desk,
which the same person says or another one. The score is one logistic regression over all trials. Where a changed voice
is claimed is set apart, since it is a matter of price and not of likeness: see `ACCUSED_IN_VAIN`.

`training.sessions` plays whole exams of the `judge` part with what is fitted here.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from training import audio, desks, logistic
from training.blends import blends
from training.desks import Heard
from undertone.diarize.local import evidence, models
from undertone.diarize.local.clustering import Merge
from undertone.diarize.local.decision import decide, learned
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.evidence import Partials
from undertone.diarize.local.likeness import FEATURES, MOST_LEAN, Likeness, features, voice_of
from undertone.diarize.local.profile import LEAST_SECONDS, Voice

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

PENALTY: Final = 3.0
FOLDS: Final = 4
# Share of windows with the candidate's own voice in which a changed one may be claimed: with a candidate who speaks in
# 40 minutes of an hour, once in 50 hours. Acted emotion is counted apart: nobody sits an exam in rage.
ACCUSED_IN_VAIN: Final = 0.0005
ACTED: Final = frozenset({"EmoDB", "CREMA-D"})
# Log odds on top of that: a few people make the whole tail, and who was recorded on several days makes a longer one
# (the first 28 exams of training/sessions.py: at 0.5, one candidate in 11 hours).
MARGIN: Final = 1.0
# Of the windows of other people so many may pass for the candidate's and move the profile.
TAKEN_IN_VAIN: Final = 0.01
# Of the windows of desks a third hold two voices. At 3 the profile only finds more, at 10 it hides too much.
FALSE_ALARM_COST: Final = 6.0
_PARTS: Final = (2, 4, 8)  # partials: of a long window its first seconds are a trial, too
_LEAST_CLAIM: Final = 2.0
_LEAST_SPREAD: Final = 0.01
_COHORT: Final = 160
# Corpora whose licence asks that what is made of them be shared alike.
_SHARE_ALIKE: Final = frozenset({"Malayalam Speech Corpus", "Free Spoken Digit Dataset", "CREMA-D"})


@dataclass(frozen=True, slots=True)
class Said:
    """A window in which one person spoke: its beginnings, and at last the whole."""

    speaker: str
    session: str
    parts: tuple[Voice, ...]

    @property
    def whole(self) -> Voice:
        return self.parts[-1]


@dataclass(frozen=True, slots=True)
class Trial:
    desk: int
    acted: bool
    other: bool  # it is not the profile's person
    known: Voice
    heard: Voice
    row: Floats

    @property
    def counts(self) -> bool:
        """The profile would claim something of it."""
        return self.known.seconds >= LEAST_SECONDS and self.heard.seconds >= _LEAST_CLAIM


def said(heard: Heard) -> Said | None:
    """What of a window with one voice is known; None if nobody is heard."""
    of = evidence.partials(heard.seen, learned().probe, learned().least_voice)
    if len(of) == 0:
        return None
    counts = [*(count for count in _PARTS if count < len(of)), len(of)]
    return Said(heard.speakers[0], heard.session, tuple(voice_of(of, np.arange(count)) for count in counts))


class Crowd:
    """People in general: blends of those at all desks; who is compared is left out."""

    def __init__(self, windows: Sequence[Sequence[Said]], corpus: dict[str, str]) -> None:
        sums: dict[str, Floats] = defaultdict(lambda: np.zeros(256, np.float32))
        for desk in windows:
            for one in desk:
                if corpus[one.speaker] not in _SHARE_ALIKE:
                    sums[one.speaker] += one.whole.unit * one.whole.seconds
        ordered = sorted(sums, key=lambda name: hashlib.sha256(name.encode()).digest())
        self._names = ordered
        who, self._voices = blends(normalised(np.stack([sums[name] for name in ordered])))
        self._blends = who.tolist()

    def without(self, people: set[str]) -> Floats:
        """[blends, 256] in which none of these people are."""
        out = {place for place, name in enumerate(self._names) if name in people}
        return self._voices[[out.isdisjoint(blend) for blend in self._blends]]

    def committed(self) -> npt.NDArray[np.int8]:
        """[people, 256], as the product keeps it."""
        return np.clip(np.rint(self._voices[:_COHORT] * 127 / np.abs(self._voices).max()), -127, 127).astype(np.int8)


def trials(windows: Sequence[Sequence[Said]], corpus: dict[str, str], crowd: Crowd) -> Iterator[Trial]:
    """Everybody against everybody at each desk."""
    for number, desk in enumerate(windows):
        here = {one.speaker for one in desk}
        cohort = crowd.without(here)
        for name in sorted(here):
            own = [one for one in desk if one.speaker == name]
            for chosen in (some for count in (1, 2, 3) for some in itertools.combinations(own, count)):
                known = together([one.whole for one in chosen])
                for one in desk:
                    if not any(one is kept for kept in chosen):
                        for part in one.parts:
                            row = features(known, part, cohort)
                            yield Trial(number, corpus[name] in ACTED, one.speaker != name, known, part, row)


def together(voices: Sequence[Voice]) -> Voice:
    known = voices[0]
    for voice in voices[1:]:
        known = known.with_more(voice)
    return known


def fit(of: Sequence[Trial], without: frozenset[str] = frozenset()) -> tuple[Doubles, float]:
    """Weights and bias of the log odds that it is another person, at even odds beforehand; some features left out."""
    rows = np.stack([trial.row for trial in of]) * np.array([name not in without for name in FEATURES], float)
    other = np.array([trial.other for trial in of], float)
    centre, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), _LEAST_SPREAD)
    weight = np.where(other > 0, 0.5 / other.mean(), 0.5 / (1 - other.mean()))
    free = np.zeros(len(FEATURES), np.bool_)
    scaled, bias = logistic.fit((rows - centre) / spread, other, weight, PENALTY, free)
    weights = scaled / spread
    return weights, float(bias - centre @ weights)


def cross_validated(of: Sequence[Trial], without: frozenset[str] = frozenset()) -> Doubles:
    """Log odds of each trial by a fit that has not heard its desk."""
    scores = np.zeros(len(of))
    rows = np.stack([trial.row for trial in of]).astype(float)
    fold = np.array([trial.desk % FOLDS for trial in of])
    for each in range(FOLDS):
        weights, bias = fit([trial for trial, f in zip(of, fold, strict=True) if f != each], without)
        scores[fold == each] = rows[fold == each] @ weights + bias
    return scores


def equal_error(of: Sequence[Trial], scores: Doubles) -> float:
    """The rate at which as many of the same person's trials are taken for another's as the other way round."""
    other = np.array([trial.other for trial in of])[np.argsort(scores)]
    missed = np.cumsum(other) / other.sum()
    accused = 1 - np.cumsum(~other) / (~other).sum()
    at = int(np.abs(missed - accused).argmin())
    return float(missed[at] + accused[at]) / 2


def points(of: Sequence[Trial], scores: Doubles) -> tuple[float, float]:
    """From where on a changed voice is claimed, and up to where a window adds to the profile."""
    counts = np.array([trial.counts for trial in of])
    other = np.array([trial.other for trial in of])
    acted = np.array([trial.acted for trial in of])
    changed = float(np.quantile(scores[counts & ~other & ~acted], 1 - ACCUSED_IN_VAIN)) + MARGIN
    return changed, float(np.quantile(scores[counts & other], TAKEN_IN_VAIN))


def report(of: Sequence[Trial], scores: Doubles, changed: float, same: float) -> None:
    other = np.array([trial.other for trial in of])
    counts = np.array([trial.counts for trial in of])
    acted = np.array([trial.acted for trial in of])
    seconds = np.array([trial.heard.seconds for trial in of])
    print(f"  a changed voice from {changed:.2f} on, windows taken in up to {same:.2f}")
    print(f"  claimed of the same person, acting: {_share(scores[counts & ~other & acted] >= changed)}")
    print(f"  taken in of the same person: {_share(scores[counts & ~other & ~acted] <= same)}")
    for low, high in ((2, 3), (3, 5), (5, 8), (8, 99)):
        chosen = counts & other & (seconds >= low) & (seconds < high)
        print(f"  found of another, {low} to {high} s: {_share(scores[chosen] >= changed)}")


def _share(of: npt.NDArray[np.bool_]) -> str:
    return f"{of.mean():.3f} of {len(of)}" if len(of) else "–"


def fit_lean(heard: Sequence[Sequence[Heard]], by: Likeness, crowd: Crowd) -> tuple[float, float]:
    """How far the profile moves the best merge: logistic, beside the score that the window has by itself."""
    parted, base, second = [], [], []
    for desk in heard:
        people = {name for window in desk for name in window.speakers}
        of_desk = Likeness(by.weights, by.bias, 0.0, 0.0, 0.0, 0.0, crowd.without(people))
        spoken = [(window, one.whole) for window in desk if window.alone for one in [said(window)] if one]
        for name in sorted(people):
            for window in desk:
                known = [voice for other, voice in spoken if other.speakers[0] == name and other is not window]
                if len(known) >= 2 and (not window.alone or name in window.speakers or name == desk[0].speakers[0]):
                    best = _best(window, together(known), of_desk)
                    if best is not None:
                        parted.append(best[0])
                        base.append(best[1])
                        second.append(not window.alone)
    x, offset, truth = np.array(parted), np.array(base), np.array(second)
    sign, cost = np.where(truth, 1.0, -1.0), np.where(truth, 1.0, FALSE_ALARM_COST)

    def loss(at: Doubles) -> float:
        moved = offset + np.clip(at[0] * x + at[1], -MOST_LEAN, MOST_LEAN)
        return float(cost @ np.logaddexp(0, -sign * moved))

    found = minimize(loss, np.array([0.3, -0.3]), method="Nelder-Mead").x
    moved = offset + np.clip(found[0] * x + found[1], -MOST_LEAN, MOST_LEAN)
    print(f"  {truth.sum()} windows with two voices, {(~truth).sum()} with one")
    for name, scores in (("by itself", offset), ("with a profile", moved)):
        print(f"  {name}: found {_share(scores[truth] >= 0)}, in vain {_share(scores[~truth] >= 0)}")
    return float(found[0]), float(found[1])


def _best(window: Heard, known: Voice, by: Likeness) -> tuple[float, float] | None:
    """Of a window's best merge: how the profile parts it, and the window's score; None if it has no merge."""
    best: list[Merge] = []

    def look(_: Partials, joined: Sequence[Merge], scores: Floats) -> Floats:
        if np.isfinite(scores).any():
            best.append(joined[int(scores.argmax())])
        return np.zeros_like(scores)

    of = evidence.partials(window.seen, learned().probe, learned().least_voice)
    odds = decide(window.seen, of, learned(), look).second_voice
    if not best:
        return None
    odds = min(max(odds, 1e-9), 1 - 1e-9)
    return by.parted(known, of, best[0]), float(np.log(odds / (1 - odds)))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--desks", type=int, default=desks.DESKS, help="simulated desks (default: %(default)s)")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    asked = parser.parse_args()
    corpus = {voice.name: voice.corpus for voice in desks.pool("fit")}
    heard = list(desks.desks(asked.desks))
    windows = [[one for window in desk if window.alone for one in [said(window)] if one] for desk in heard]
    crowd = Crowd(windows, corpus)
    of = list(trials(windows, corpus, crowd))
    print(f"{len(of)} trials at {len(windows)} desks, {sum(not trial.other for trial in of)} of the same person")
    scores = cross_validated(of)
    alone = cross_validated(of, frozenset({"crowd", "crowd_profile"}))
    print(f"  equal error rate {equal_error(of, scores):.3f}, without the crowd {equal_error(of, alone):.3f}")
    changed, same = points(of, scores)
    report(of, scores, changed, same)
    weights, bias = fit(of)
    by = Likeness(weights.astype(np.float32), bias, changed, same, 0.0, 0.0, normalised(crowd.committed() / 127.0))
    lean, lean_bias = fit_lean(heard, by, crowd)
    content: dict[str, Any] = {
        "fitted_from": {
            "desks": len(windows),
            "seed": desks.SEED,
            "desk_version": desks.VERSION,
            "speech_train_manifest_sha256": audio.manifest_sha256("speech-train"),
            "noise_train_manifest_sha256": audio.manifest_sha256("noise-train"),
            "models_json_sha256": hashlib.sha256(models.data(models.MANIFEST)).hexdigest(),
        },
        "weights": {name: round(float(weight), 5) for name, weight in zip(FEATURES, weights, strict=True)},
        "bias": round(bias, 5),
        "changed": round(changed, 3),
        "same": round(same, 3),
        "lean": round(lean, 4),
        "lean_bias": round(lean_bias, 4),
    }
    print(json.dumps({name: value for name, value in content.items() if name != "fitted_from"}))
    if not asked.dry:
        (audio.DATA / models.LIKENESS).write_text(json.dumps(content, indent=1) + "\n")
        np.savez_compressed(audio.DATA / models.COHORT, voices=crowd.committed())
        print(f"wrote {models.LIKENESS} and {models.COHORT}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
