"""`make train`: everything that diarize/local has learned, from speech-train and noise-train alone.

Scenes are simulated and observed (kept on disk), then three things are fitted in turn: the voice probe,
the score of a merge, the score of overlapped speech. A window with two voices does not say which merge is
theirs, so fitting goes in passes: the best merge of each window by the weights so far, then the weights
(multiple-instance learning); a merge counts for a window with two voices only if its sides truly belong to different
people. Windows that were never fitted on judge the result: by speaker, and by leaving out whole corpora.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from training import audio, cache, logistic, probe, segmenting, simulate
from training.cache import Sample
from training.cases import CORPORA, Case, Voices, cases
from training.sources import DOUBTFUL, QUARTERS
from undertone.diarize.local import models
from undertone.diarize.local.decision import Bent, Learned
from undertone.diarize.local.evidence import MERGE_FEATURES, OVERLAP_FEATURES

Floats = npt.NDArray[np.float32]

SCENES: Final = 2200
PASSES: Final = 8
# On standardised weights; between 3 and 30 the cross-validation hardly changes.
PENALTY: Final = 3.0
# Numbers that hardly vary here may vary in a room: they get no large weights.
LEAST_SPREAD: Final = 0.1
# Pieces of a scene say much the same as the whole.
PIECE_WEIGHT: Final = 0.2
# Of all merges' numbers, the share under the knee: what parts two people lies beyond what parts the pieces of one.
KNEE: Final = 80
# More of these can only speak for a second voice.
_ONLY_FOR: Final = frozenset(
    {
        *("distance", "centre", "log_small", "log_large", "voice_small", "voice_large", "vad_small"),
        *("log_run", "told_apart", "norm_small", "whitened", "normed"),
        *OVERLAP_FEATURES,
    }
)
# What a false alarm costs against a missed voice. Together with the scenes' mix it sets the point where odds are even.
FALSE_ALARM_COST: Final = 2.0
# A missed voice counts by its seconds, in full from so many on, and for so much at least.
FULL_SECONDS: Final = 8.0
LEAST_COST: Final = 0.5


@dataclass(frozen=True, slots=True)
class Fit:
    merge: Bent
    overlap: Bent
    bias: float
    no_merge: float

    def score(self, of: Case) -> float:
        best = float(self.merge(of.merges).max()) if len(of.merges) else self.no_merge
        return self.bias + best + float(self.overlap(of.overlap[None])[0])


@dataclass(frozen=True, slots=True)
class Inputs:
    """Numbers as the regression sees them: clipped, each in two columns about its knee, centred, of spread one."""

    names: tuple[str, ...]
    low: Floats
    high: Floats
    knee: Floats
    mean: npt.NDArray[np.float64]
    spread: npt.NDArray[np.float64]

    @classmethod
    def of(cls, names: tuple[str, ...], rows: Floats, knee: float) -> Inputs:
        """From the range of the rows; `knee` is a percentile."""
        low, high = np.percentile(rows, [0.5, 99.5], axis=0).astype(np.float32)
        knees = np.percentile(np.clip(rows, low, high), knee, axis=0).astype(np.float32)
        plain = cls(names, low, high, knees, np.zeros(2 * len(names)), np.ones(2 * len(names)))
        columns = plain(rows)
        # Above the knee few numbers vary, and they still count.
        least = np.concatenate([np.full(len(names), LEAST_SPREAD), np.full(len(names), LEAST_SPREAD / 100)])
        return replace(plain, mean=columns.mean(axis=0), spread=np.maximum(columns.std(axis=0), least))

    def __call__(self, rows: Floats) -> npt.NDArray[np.float64]:
        within = np.clip(rows, self.low, self.high)
        columns = np.hstack([np.minimum(within, self.knee), np.maximum(within - self.knee, 0)])
        return np.asarray((columns - self.mean) / self.spread, np.float64)

    def only_for(self) -> npt.NDArray[np.bool_]:
        return np.array([name in _ONLY_FOR for name in self.names * 2])

    def bent(self, weights: npt.NDArray[np.float64]) -> tuple[Bent, float]:
        """Weights of the columns as weights of the numbers, and the constant that comes with them."""
        below, above = np.split((weights / self.spread).astype(np.float32), 2)
        return Bent(below, above, self.knee, self.low, self.high), -float(self.mean @ (weights / self.spread))


def fit(given: list[Case], cost: float = FALSE_ALARM_COST, passes: int = PASSES) -> Fit:
    """Weights by multiple-instance passes, starting from the distance alone."""
    of_merge = Inputs.of(MERGE_FEATURES, np.concatenate([c.merges for c in given if len(c.merges)]), KNEE)
    of_overlap = Inputs.of(OVERLAP_FEATURES, np.stack([c.overlap for c in given]), 100)
    count = 2 * len(MERGE_FEATURES)
    overlaps = of_overlap(np.stack([c.overlap for c in given]))
    second = np.array([c.second for c in given])
    missed = np.clip([c.sample.second_seconds / FULL_SECONDS for c in given], LEAST_COST, 1)
    weight = np.where(second, missed, cost) * np.where([c.whole for c in given], 1, PIECE_WEIGHT)
    only_for = np.concatenate([of_merge.only_for(), [False], of_overlap.only_for()])
    coefficients = np.zeros(count)
    coefficients[MERGE_FEATURES.index("distance")] = 1
    merge, _ = of_merge.bent(coefficients)
    for _ in range(passes):
        chosen = [_best(c, merge) for c in given]
        none = np.array([place is None for place in chosen])
        rows = np.array(
            [np.zeros(len(MERGE_FEATURES)) if at is None else c.merges[at] for c, at in zip(given, chosen, strict=True)]
        )
        inputs = np.hstack([np.where(none[:, None], 0, of_merge(rows)), none[:, None], overlaps])
        coefficients, bias = logistic.fit(inputs, second.astype(float), weight, PENALTY, only_for)
        merge, of_merges = of_merge.bent(coefficients[:count])
    overlap, of_overlaps = of_overlap.bent(coefficients[count + 1 :])
    return Fit(merge, overlap, bias + of_merges + of_overlaps, float(coefficients[count] - of_merges))


def _best(of: Case, by: Bent) -> int | None:
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
    by = None if asked.kept else segmenting.observers()
    samples = clear(cache.samples(asked.scenes, by))
    noises, voices = probe.noises(), Voices(samples)
    print(f"{len(samples)} scenes", flush=True)
    made = cases(samples, noises, voices)
    print(f"{len(made)} cases", flush=True)
    cross_validate(made)
    voice = probe.fit(samples, noises.values())
    fitted = fit(made)
    for name, below, above in (
        *zip(MERGE_FEATURES, fitted.merge.below, fitted.merge.above, strict=True),
        *zip(OVERLAP_FEATURES, fitted.overlap.below, fitted.overlap.above, strict=True),
    ):
        print(f"  {name:18s} {below:8.3f} {above:8.3f}")
    if not asked.dry:
        learned = Learned(
            voice, probe.LEAST_LOGIT, fitted.merge, fitted.overlap, fitted.bias, fitted.no_merge, voices.space()
        )
        write(learned, len(samples))
    return 0


def clear(samples: Iterable[Sample]) -> list[Sample]:
    """Those of which the truth is known."""
    return [sample for sample in samples if not DOUBTFUL & set(sample.speakers)]


def cross_validate(made: list[Case]) -> None:
    """Prints false alarms and recall on windows whose voices and noises, or whose corpora, were left out of the fit."""
    scores = np.full(len(made), np.nan)
    for quarter in range(QUARTERS):
        fitted = fit([c for c in made if c.sample.quarter != quarter])
        for number, c in enumerate(made):
            if c.sample.quarter == quarter:
                scores[number] = fitted.score(c)
    print("cross-validated by voice and noise:")
    _report(made, scores)
    scores[:] = np.nan
    for corpora in CORPORA:
        fitted = fit([c for c in made if not set(corpora) & set(c.sample.corpora)])
        for number, c in enumerate(made):
            if c.sample.corpora and c.sample.corpora[0] in corpora:
                scores[number] = fitted.score(c)
    print("cross-validated by corpus:")
    _report(made, scores)


def _report(made: list[Case], scores: npt.NDArray[np.float64]) -> None:
    scored = np.array([c.whole for c in made]) & ~np.isnan(scores)
    second = np.array([c.second for c in made])

    def share(of: Callable[[Case], bool]) -> str:
        chosen = scored & np.array([of(c) for c in made])
        return f"{(scores[chosen] >= 0).mean():.3f} of {chosen.sum()}" if chosen.any() else "–"

    print(f"  false alarms {share(lambda c: not c.second)}; recall {share(lambda c: c.second)}")
    for kind in simulate.KINDS:
        print(f"    {kind:14s} {share(lambda c, kind=kind: c.sample.kind == kind)}")
    for corpora in CORPORA:
        main = share(lambda c, corpora=corpora: not c.second and c.sample.corpora[:1] in [(name,) for name in corpora])
        print(f"    false alarms among {', '.join(corpora)}: {main}")
    for rate in (0.005, 0.01, 0.02):
        threshold = np.quantile(scores[scored & ~second], 1 - rate)
        recall = (scores[scored & second] > threshold).mean()
        print(f"  at {rate:.1%} false alarms: recall {recall:.3f} (threshold {threshold:.2f})")


def write(learned: Learned, scenes: int) -> None:
    """The committed file: every weight by name, and what it was fitted from."""

    def numbers(names: tuple[str, ...], of: Bent) -> dict[str, list[float]]:
        columns = zip(names, of.below, of.above, of.knee, of.low, of.high, strict=True)
        return {name: [round(float(value), 6) for value in values] for name, *values in columns}

    cohort = learned.space.cohort
    np.savez_compressed(
        audio.DATA / models.SPACE,
        mean=learned.space.mean,
        matrix=learned.space.matrix.astype(np.float16),
        # Eight bits a number change a likeness by less than .01.
        cohort=np.rint(cohort / np.abs(cohort).max(axis=1, keepdims=True) * 127).astype(np.int8),
    )
    content: dict[str, Any] = {
        "fitted_from": {
            "scenes": scenes,
            "seed": cache.SEED,
            "scene_version": cache.VERSION,
            "speech_train_manifest_sha256": audio.manifest_sha256("speech-train"),
            "noise_train_manifest_sha256": audio.manifest_sha256("noise-train"),
            "models_json_sha256": hashlib.sha256(models.data(models.MANIFEST)).hexdigest(),
            "false_alarm_cost": FALSE_ALARM_COST,
            "full_seconds": FULL_SECONDS,
            "least_cost": LEAST_COST,
        },
        "voice_space_sha256": hashlib.sha256(models.data(models.SPACE)).hexdigest(),
        "bias": round(learned.bias, 6),
        "no_merge": round(learned.no_merge, 6),
        "merge": numbers(MERGE_FEATURES, learned.merge),
        "overlap": numbers(OVERLAP_FEATURES, learned.overlap),
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
