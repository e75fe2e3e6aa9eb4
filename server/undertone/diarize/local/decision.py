"""Is there a second person: the fitted weights, and what they make of the evidence.

One score for a window: its best merge and its overlapped speech add up, and the logistic function of the sum is
the probability. The weights are fitted by training/train.py on simulated scenes alone; the price of a false alarm is
part of the fit, so that even odds are the point to act on.
"""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from undertone.diarize.local import evidence, models
from undertone.diarize.local.clustering import Merge
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.evidence import MERGE_FEATURES, OVERLAP_FEATURES, Partials, Probe, Space
from undertone.diarize.local.observation import Observation

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

# What somebody who knows more adds to the scores of merges, [merges] each; where it is −∞ there is too little voice.
Lean: TypeAlias = Callable[[Partials, Sequence[Merge], Floats], Floats]
# A second look: what it says of the log odds that anybody else speaks.
Again: TypeAlias = Callable[[], float]
# Where it is asked for. With how chunks and partials happen to fall, two looks differ by 1.3 of log odds (standard
# deviation), so they are taken together; beyond these bounds that would hardly change what is said.
_IN_DOUBT: Final = (-1.0, 2.0)
# Overlap may raise a merge that is in doubt above even odds, but no merge that by itself stands this far below them:
# then the second voice is heard in the overlapped speech alone.
_DOUBT: Final = -2.0


@dataclass(frozen=True, slots=True)
class Bent:
    """Weights for named numbers: one up to a knee and one beyond it.

    Each number is clipped to the range met in training: outside of it nothing was learned.
    """

    below: Floats
    above: Floats
    knee: Floats
    low: Floats
    high: Floats

    def __call__(self, rows: Floats) -> Floats:
        within = np.clip(rows, self.low, self.high)
        score: Floats = np.minimum(within, self.knee) @ self.below + np.maximum(within - self.knee, 0) @ self.above
        return score


@dataclass(frozen=True, slots=True)
class Learned:
    """All that was fitted."""

    probe: Probe
    least_voice: float  # partials whose probe logit is below are no voice
    merge: Bent
    overlap: Bent
    bias: float
    no_merge: float  # stands for the best merge where there is none
    space: Space


@dataclass(frozen=True, slots=True)
class Decision:
    """Groups of partials that are people, the one who speaks most first."""

    groups: tuple[Ints, ...]
    probabilities: tuple[float, ...]  # of each group: that it is another person than the first; 0 for the first
    second_voice: float  # that anybody besides the main voice speaks
    overlap_only: bool  # the second voice has no partial of its own


@functools.cache
def learned() -> Learned:
    """The committed weights."""
    with np.load(io.BytesIO(models.data(models.SPACE))) as file:
        space = Space(
            mean=file["mean"],
            matrix=file["matrix"].astype(np.float32),
            cohort=normalised(file["cohort"].astype(np.float32)),
        )
    return parse(json.loads(models.data(models.LEARNED)), space)


def parse(content: Mapping[str, Any], space: Space) -> Learned:
    """Raises ValueError if the file was fitted for other features than this code computes."""
    probe = content["probe"]
    return Learned(
        probe=Probe(np.array(probe["weights"], np.float32), probe["norm"], probe["vad"], probe["bias"]),
        least_voice=probe["least"],
        merge=_bent(content["merge"], MERGE_FEATURES),
        overlap=_bent(content["overlap"], OVERLAP_FEATURES),
        bias=content["bias"],
        no_merge=content["no_merge"],
        space=space,
    )


def _bent(fitted: Mapping[str, Any], names: tuple[str, ...]) -> Bent:
    if tuple(fitted) != names:
        raise ValueError(f"fitted for {', '.join(fitted)}; expected {', '.join(names)}: run `make train`")
    columns = np.array([fitted[name] for name in names], np.float32)
    return Bent(*columns.T)


def score(seen: Observation, of: Partials, by: Learned, lean: Lean | None = None) -> float:
    """The log odds that anybody besides the main voice speaks."""
    weighed = _weighed(seen, of, by, lean)
    return weighed.best + weighed.together


def decide(
    seen: Observation,
    of: Partials,
    by: Learned,
    lean: Lean | None = None,
    reserve: float = 0.0,
    again: Again | None = None,
) -> Decision:
    """Who is somebody else, among the partials of a window.

    `reserve` is taken off the log odds that anybody is; `again` gives what `score` says of a second look, and is asked
    only in doubt.
    """
    if len(of) == 0:
        return Decision((), (), 0.0, overlap_only=False)
    weighed = _weighed(seen, of, by, lean)
    joined, best = weighed.joined, weighed.best
    scores, of_stretches = weighed.scores[: len(joined)], weighed.scores[len(joined) :]
    together = weighed.together - reserve
    low, high = _IN_DOUBT
    moved = 0.0  # by a second look
    if again is not None and low < best + together < high:
        moved = (again() - reserve - best - together) / 2
        together += moved
    second_voice = _probability(best + together)
    everybody = np.arange(len(of))
    if second_voice < 0.5:
        return Decision((everybody,), (0.0,), second_voice, overlap_only=False)
    # In doubt the best by itself, else all that stand by themselves.
    least = min(0.0, best) if best + max(0.0, moved) >= _DOUBT else 0.0
    accepted = scores >= least
    if accepted.any():
        groups = _groups(of, joined, accepted, len(joined) - 1)
        groups.sort(key=lambda group: -evidence.seconds(of, group))
        odds = [_probability(_parting(joined, scores, groups[0], group) + together) for group in groups[1:]]
    elif (of_stretches >= least).any():
        groups, odds = _parted(of, weighed.stretches, of_stretches, least), [second_voice]
    else:
        return Decision((everybody,), (0.0,), second_voice, overlap_only=True)
    # The window's own probability belongs to the likeliest of the others.
    stated = [max(0.5, probability) for probability in odds]
    return Decision(tuple(groups), (0.0, *stated), max(second_voice, *stated), overlap_only=False)


@dataclass(frozen=True, slots=True)
class _Weighed:
    joined: list[Merge]  # of the tree
    stretches: list[Merge]
    scores: Floats  # of these and of those
    best: float
    together: float  # of overlapped speech


def _weighed(seen: Observation, of: Partials, by: Learned, lean: Lean | None) -> _Weighed:
    joined, stretches = evidence.tree(of), evidence.odd_stretches(of)
    everything = [*joined, *stretches]
    scores = _scores(of, everything, by)
    if lean is not None:
        scores = scores + lean(of, everything, scores)
    best = float(scores.max(initial=-np.inf))
    if best == -np.inf:
        best = by.bias + by.no_merge
    return _Weighed(joined, stretches, scores, best, float(by.overlap(evidence.overlap(seen)[None])[0]))


def _scores(of: Partials, joined: list[Merge], by: Learned) -> Floats:
    """[merges] the score of each; −∞ where a side has too little voice."""
    scores = np.full(len(joined), -np.inf, np.float32)
    weighty = np.flatnonzero(evidence.weighty(of, joined))
    described = evidence.describe(of, [joined[place] for place in weighty], by.space)
    scores[weighty] = by.bias + by.merge(described)
    return scores


def _parted(of: Partials, stretches: list[Merge], scores: Floats, least: float) -> list[Ints]:
    """Two people, the one who speaks more first: whoever speaks in the best stretches, and the other."""
    inside = np.zeros(len(of), np.bool_)
    for place in np.argsort(-scores, kind="stable"):
        more = inside.copy()
        more[stretches[place].left] = True
        # Stretches that would be most of the window are not all of one who spoke briefly.
        if scores[place] >= least and (not inside.any() or more.mean() <= 0.5):
            inside = more
    return sorted((np.flatnonzero(inside), np.flatnonzero(~inside)), key=lambda group: -evidence.seconds(of, group))


def _groups(of: Partials, joined: list[Merge], accepted: npt.NDArray[np.bool_], at: int) -> list[Ints]:
    """The people under a merge, from the top down; what no accepted merge sets apart goes with the nearest."""
    merge = joined[at]
    if not _any_below(joined, accepted, at):
        return [merge.members]
    groups: list[Ints] = []
    rest: list[Ints] = []
    for side in (merge.left, merge.right):
        place = next((place for place in merge.earlier if side[0] in joined[place].members), None)
        if place is not None and _any_below(joined, accepted, place):
            groups += _groups(of, joined, accepted, place)
        elif accepted[at]:
            groups.append(side)
        else:
            rest.append(side)
    for side in rest:
        nearest = max(range(len(groups)), key=lambda group: float((of.unit[groups[group]] @ of.unit[side].T).mean()))
        groups[nearest] = np.concatenate([groups[nearest], side])
    return groups


def _any_below(joined: list[Merge], accepted: npt.NDArray[np.bool_], at: int) -> bool:
    return bool(accepted[at]) or any(_any_below(joined, accepted, place) for place in joined[at].earlier)


def _parting(joined: list[Merge], scores: Floats, main: Ints, other: Ints) -> float:
    """The score of the merge at which the two groups met."""
    for place, merge in enumerate(joined):
        left, right = set(merge.left.tolist()), set(merge.right.tolist())
        a, b = int(main[0]), int(other[0])
        if (a in left and b in right) or (a in right and b in left):
            return float(scores[place])
    raise AssertionError("every two partials meet in the tree")


def _probability(logit: float) -> float:
    return float(1 / (1 + np.exp(-logit)))
