"""What fitting on speech-dev too would give: each fold of it scored by weights fitted on the other folds and on scenes.

Against the committed weights, which were fitted on scenes alone, it tells how much is lost by not having heard
windows like these, and how far a fit reaches that has: the worst fold is what another set may hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from training import cache, probe, train
from training.accuracy.folds import BY, FOLDS, Parts
from training.accuracy.tables import HEAD, line
from training.accuracy.windows import Judged, Listener
from training.cache import PEOPLE, Sample
from training.cases import Case, Voices, case, cases
from undertone.diarize.local.decision import learned


def report(judged: Sequence[Judged], listener: Listener) -> None:
    """By speaker, corpus and noise. The listener must have kept what it heard, and `make train` its scenes."""
    scenes = train.clear(cache.samples(train.SCENES))
    voices = Voices(scenes)
    trained = cases(scenes, probe.noises(), voices)
    of = {one.truth.name: found for one in judged if (found := _case(one, listener, voices)) is not None}
    clear = [one for one in judged if not one.truth.faint]
    print(f"\nREFIT on {len(trained)} cases of scenes and on the other folds of speech-dev\n{HEAD}")
    for name, parts in BY.items():
        fold = {one.truth.name: _fold(one, parts) for one in clear}
        alarms: set[str] = set()
        for left_out in sorted(set(fold.values())):
            fitted = train.fit([*trained, *(of[n] for n, f in fold.items() if f != left_out and n in of)])
            alarms |= {n for n, f in fold.items() if f == left_out and n in of and fitted.score(of[n]) >= 0}
        print(f" folds by {name}")
        for title, second in (("false alarms", False), ("recall", True)):
            chosen = [one for one in clear if one.second is second]
            by_fold = {f: [one for one in chosen if fold[one.truth.name] == f] for f in set(fold.values())}
            rates = {
                f: sum(one.truth.name in alarms for one in some) / len(some) for f, some in by_fold.items() if some
            }
            worst = (min if second else max)(rates, key=lambda f: rates[f])

            def hit(one: Judged, alarms: set[str] = alarms) -> bool:
                return one.truth.name in alarms

            print(line(title, chosen, hit))
            print(line(f"{title}, worst fold", by_fold[worst], hit))


def _fold(one: Judged, parts: Parts) -> int:
    """The first part that a window belongs to, of a few that hold about as many each."""
    part = next(iter(parts(one)), "nobody")
    return hashlib.sha256(part.encode()).digest()[0] % FOLDS


def _case(one: Judged, listener: Listener, voices: Voices) -> Case | None:
    seen = listener.seen(one.truth.name)
    if seen is None:
        return None
    truth = one.truth
    sample = Sample(
        seen=seen,
        kind=truth.kind,
        speakers=tuple(person.name for person in truth.people),
        corpora=tuple(person.corpus for person in truth.people),
        segments=tuple((start, end, min(who, PEOPLE - 1)) for start, end, who in truth.segments),
        level_db=truth.level_db,
    )
    return case(sample, learned().probe, voices.space(), whole=True)
