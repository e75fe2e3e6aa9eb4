"""`make train`: everything that diarize/local has learned, from speech-train and noise-train alone.

Scenes are simulated and observed (kept on disk), then three things are fitted in turn: the voice probe, the score of a
merge, the score of overlapped speech. A window with two voices does not say which merge is theirs, so fitting goes in
passes: the best merge of each window by the weights so far, then the weights (multiple-instance learning); a merge
counts for a window with two voices only if its sides truly belong to different people. Windows that were never fitted
on judge the result: by speaker, and by leaving out whole corpora.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training import audio, cache, logistic, probe, simulate
from training.cache import Sample
from training.crops import crops
from undertone.diarize.local import evidence, models
from undertone.diarize.local.decision import Learned, Linear
from undertone.diarize.local.evidence import MERGE_FEATURES, OVERLAP_FEATURES, Partials, Probe
from undertone.diarize.local.observation import CELL_SECONDS

Floats = npt.NDArray[np.float32]

SCENES: Final = 285
PASSES: Final = 8
FOLDS: Final = 5
# On standardised weights; between 3 and 30 the cross-validation hardly changes.
PENALTY: Final = 3.0
# Numbers that hardly vary here may vary in a room: they get no large weights.
LEAST_SPREAD: Final = 0.1
# Pieces of a scene say much the same as the whole.
PIECE_WEIGHT: Final = 0.4
# More of these can only speak for a second voice.
_ONLY_FOR: Final = frozenset(
    {
        *("distance", "centre", "log_small", "log_large", "voice_small", "voice_large", "vad_small"),
        *("log_run", "told_apart", "norm_small"),
        *OVERLAP_FEATURES,
    }
)
# What a false alarm costs against a missed voice. Together with the scenes' mix it sets the point where odds are even.
FALSE_ALARM_COST: Final = 3.0


@dataclass(frozen=True, slots=True)
class Case:
    """A window's evidence with its truth."""

    sample: Sample
    merges: Floats  # [merges, features]
    real: npt.NDArray[np.bool_]  # [merges] the sides truly are different people
    overlap: Floats  # [features]
    whole: bool  # not a piece of a scene

    @property
    def second(self) -> bool:
        return self.sample.second_seconds > 0


def _cases(samples: list[Sample]) -> list[Case]:
    """Each with the doubts of a probe that knows neither the scene nor the noises by themselves.

    A probe that was fitted on a noise is sure of it; the noises of a room will be new to it.
    """
    folds = [samples[fold::FOLDS] for fold in range(FOLDS)]
    probes = [
        probe.fit([sample for other in folds if other is not fold for sample in other], reel=None) for fold in folds
    ]
    probe.report(probes, folds)
    made = []
    for number, sample in enumerate(samples):
        left_out = probes[number % FOLDS]
        made += [case(sample, left_out, whole=True)]
        made += [case(piece, left_out, whole=False) for piece in crops(sample, number)]
    return made


def case(sample: Sample, by: Probe, *, whole: bool) -> Case:
    of = evidence.partials(sample.seen, by, probe.LEAST_LOGIT)
    everything = evidence.tree(of)
    weighty = evidence.weighty(of, everything)
    joined = [merge for merge, is_weighty in zip(everything, weighty, strict=True) if is_weighty]
    speaker = _speakers(sample, of)
    real = [_mostly(speaker, merge.left) != _mostly(speaker, merge.right) for merge in joined]
    return Case(
        sample=sample,
        merges=evidence.describe(of, joined),
        real=np.array(real, np.bool_),
        overlap=evidence.overlap(sample.seen, of, by),
        whole=whole,
    )


def _speakers(sample: Sample, of: Partials) -> npt.NDArray[np.int64]:
    """[partials] who speaks most of it in truth."""
    cells = len(sample.seen.level)
    held = np.zeros((3, cells + 2), np.float32)
    for start, end, who in sample.segments:
        held[who, int(start / CELL_SECONDS) : int(end / CELL_SECONDS) + 2] = 1
    spans = zip(of.first, of.cells, strict=True)
    return np.array([held[:, first : first + length].sum(axis=1).argmax() for first, length in spans], np.int64)


def _mostly(speaker: npt.NDArray[np.int64], side: npt.NDArray[np.int64]) -> int:
    return int(np.bincount(speaker[side], minlength=3).argmax())


@dataclass(frozen=True, slots=True)
class Fit:
    merge: Linear
    overlap: Linear
    bias: float
    no_merge: float

    def score(self, of: Case) -> float:
        best = float(self.merge(of.merges).max()) if len(of.merges) else self.no_merge
        return self.bias + best + float(self.overlap(of.overlap[None])[0])


def fit(cases: list[Case], cost: float = FALSE_ALARM_COST, passes: int = PASSES) -> Fit:
    """Weights by multiple-instance passes, starting from the distance alone."""
    everything = np.concatenate([c.merges for c in cases if len(c.merges)])
    low, high = np.percentile(everything, [0.5, 99.5], axis=0).astype(np.float32)
    spread = np.maximum(np.clip(everything, low, high).std(axis=0), LEAST_SPREAD)
    overlaps = np.stack([c.overlap for c in cases])
    over_low, over_high = overlaps.min(axis=0), np.percentile(overlaps, 99.5, axis=0).astype(np.float32)
    over_spread = np.maximum(overlaps.std(axis=0), LEAST_SPREAD)
    start = np.zeros(len(MERGE_FEATURES), np.float32)
    start[MERGE_FEATURES.index("distance")] = 8
    start[MERGE_FEATURES.index("log_small")] = 0.5
    merge = Linear(start, low, high)
    second = np.array([c.second for c in cases])
    whole = np.array([c.whole for c in cases])
    only_for = np.array([name in _ONLY_FOR for name in (*MERGE_FEATURES, "none", *OVERLAP_FEATURES)])
    fitted = Fit(merge, Linear(np.zeros_like(over_low), over_low, over_high), 0.0, 0.0)
    for _ in range(passes):
        chosen = [_best(c, fitted.merge) for c in cases]
        none = np.array([place is None for place in chosen])
        rows = np.zeros((len(cases), len(MERGE_FEATURES)), np.float32)
        for number, (c, place) in enumerate(zip(cases, chosen, strict=True)):
            if place is not None:
                rows[number] = np.clip(c.merges[place], low, high)
        centre = rows[~none].mean(axis=0)
        rows[none] = centre
        inputs = np.hstack(
            [(rows - centre) / spread, none[:, None], np.clip(overlaps, over_low, over_high) / over_spread]
        )
        weight = np.where(second, 1.0, cost) * np.where(whole, 1.0, PIECE_WEIGHT)
        coefficients, bias = logistic.fit(inputs, second.astype(float), weight, PENALTY, only_for)
        count = len(MERGE_FEATURES)
        weights = (coefficients[:count] / spread).astype(np.float32)
        fitted = Fit(
            merge=Linear(weights, low, high),
            overlap=Linear((coefficients[count + 1 :] / over_spread).astype(np.float32), over_low, over_high),
            bias=float(bias - centre @ weights),
            no_merge=float(coefficients[count] + centre @ weights),
        )
    return fitted


def _best(of: Case, by: Linear) -> int | None:
    if not len(of.merges):
        return None
    scores = by(of.merges)
    if of.second and of.real.any():
        scores = np.where(of.real, scores, -np.inf)
    return int(scores.argmax())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenes", type=int, default=SCENES, help="simulated minutes (default: %(default)s)")
    parser.add_argument("--kept", action="store_true", help="only scenes that are observed already")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    asked = parser.parse_args()
    samples = list(cache.samples(asked.scenes, make=not asked.kept))
    print(f"{len(samples)} scenes")
    cases = _cases(samples)
    cross_validate(cases)
    voice = probe.fit(samples, probe.noise_voices())
    fitted = fit(cases)
    for name, weight in zip(
        MERGE_FEATURES + OVERLAP_FEATURES, [*fitted.merge.weights, *fitted.overlap.weights], strict=True
    ):
        print(f"  {name:18s} {weight:8.3f}")
    if not asked.dry:
        write(
            Learned(voice, probe.LEAST_LOGIT, fitted.merge, fitted.overlap, fitted.bias, fitted.no_merge), len(samples)
        )
    return 0


def cross_validate(cases: list[Case]) -> None:
    """Prints false alarms and recall on windows whose speakers, or whose corpora, were left out of the fit."""
    corpora = sorted({corpus for c in cases for corpus in c.sample.corpora})
    by_speaker = [_fold(c.sample.speakers[0] if c.sample.speakers else c.sample.kind) for c in cases]
    by_corpus = [corpora.index(c.sample.corpora[0]) % FOLDS if c.sample.corpora else 0 for c in cases]
    for name, folds in (("by speaker", by_speaker), ("by corpus", by_corpus)):
        scores = np.zeros(len(cases))
        for fold in range(FOLDS):
            fitted = fit([c for c, f in zip(cases, folds, strict=True) if f != fold])
            for number, (c, f) in enumerate(zip(cases, folds, strict=True)):
                if f == fold:
                    scores[number] = fitted.score(c)
        print(f"cross-validated {name}:")
        _report(cases, scores)


def _fold(name: str) -> int:
    return hashlib.sha256(name.encode()).digest()[0] % FOLDS


def _report(cases: list[Case], scores: npt.NDArray[np.float64]) -> None:
    def share(of: Callable[[Case], bool]) -> str:
        chosen = np.array([c.whole and of(c) for c in cases])
        return f"{(scores[chosen] >= 0).mean():.3f} of {chosen.sum()}" if chosen.any() else "–"

    print(f"  false alarms {share(lambda c: not c.second)}; recall {share(lambda c: c.second)}")
    for kind in simulate.KINDS:
        print(f"    {kind:14s} {share(lambda c, kind=kind: c.sample.kind == kind)}")
    whole = np.array([c.whole for c in cases])
    scores, negative = scores[whole], ~np.array([c.second for c in cases])[whole]
    for rate in (0.01, 0.02, 0.04):
        threshold = np.quantile(scores[negative], 1 - rate)
        recall = (scores[~negative] > threshold).mean()
        print(f"  at {rate:.0%} false alarms: recall {recall:.3f} (threshold {threshold:.2f})")


def write(learned: Learned, scenes: int) -> None:
    """The committed file: every weight by name, and what it was fitted from."""

    def linear(names: tuple[str, ...], of: Linear) -> dict[str, list[float]]:
        columns = zip(names, of.weights, of.low, of.high, strict=True)
        return {name: [round(float(value), 6) for value in values] for name, *values in columns}

    content: dict[str, Any] = {
        "fitted_from": {
            "scenes": scenes,
            "seed": cache.SEED,
            "scene_version": cache.VERSION,
            "speech_train_manifest_sha256": audio.manifest_sha256("speech-train"),
            "noise_train_manifest_sha256": audio.manifest_sha256("noise-train"),
            "models_json_sha256": hashlib.sha256(models.data(models.MANIFEST)).hexdigest(),
            "false_alarm_cost": FALSE_ALARM_COST,
        },
        "bias": round(learned.bias, 6),
        "no_merge": round(learned.no_merge, 6),
        "merge": linear(MERGE_FEATURES, learned.merge),
        "overlap": linear(OVERLAP_FEATURES, learned.overlap),
        "probe": {
            "least": learned.least_voice,
            "norm": round(learned.probe.norm, 6),
            "vad": round(learned.probe.vad, 6),
            "bias": round(learned.probe.bias, 6),
            "weights": [round(float(weight), 5) for weight in learned.probe.weights],
        },
    }
    (audio.DATA / models.LEARNED).write_text(json.dumps(content, indent=1) + "\n")
    print(f"wrote {audio.DATA / models.LEARNED}")


if __name__ == "__main__":
    raise SystemExit(main())
