"""`python -m training.embeddings`: how well voice embeddings tell speakers apart, alone and together.

Equal error rates on short cuts of speech-train, always between speakers of one corpus: clean, with noise at 10 dB,
through a telephone's band, and of one speaker only across sessions. Means and cohorts come from the other half of the
speakers, always clean. "All" is one threshold for all corpora, each weighing the same.
"""

from __future__ import annotations

import argparse
import functools
import hashlib
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from training import audio, candidates, sound, sources
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.fbank import RATE, Samples

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Embed = Callable[[Samples], Floats]

_SEED: Final = 41
_SPEAKERS: Final = 30  # of a corpus; else Speech Commands would be half of everybody
_CUTS: Final = 3  # of a speaker
_APART: Final = 0.3  # seconds between cuts
_NOISE_DB: Final = -10.0
_COHORT: Final = 60  # speakers of the cohort that sound most alike
_LEAST_SPEAKERS: Final = 5
_STEADY: Final = ("rain", "traffic", "machine", "fan", "office", "water", "music", "sea", "helicopter", "shaped")
CONDITIONS: Final = ("clean", "noise 10 dB", "telephone")


@dataclass(frozen=True, slots=True)
class Cut:
    speaker: str
    corpus: str
    session: str
    samples: Samples


def cuts(seconds: float) -> list[Cut]:
    """Pieces of so many seconds, a few a speaker, from as many sessions as there are."""
    random = np.random.default_rng(_SEED)
    places: dict[tuple[str, str], dict[str, list[tuple[str, float]]]] = defaultdict(lambda: defaultdict(list))
    for entry in audio.manifest("speech-train"):
        starts = np.arange(0.1, entry["seconds"] - seconds - 0.1, seconds + _APART)
        sessions = places[entry["corpus"], entry["speaker"]]
        sessions[str(entry["session"])] += [(entry["file"], float(at)) for at in starts]
    speakers = list(places)
    chosen: list[Cut] = []
    taken: dict[str, int] = defaultdict(int)
    for corpus, speaker in (speakers[int(place)] for place in random.permutation(len(speakers))):
        sessions = places[corpus, speaker]
        if sum(map(len, sessions.values())) < 2 or taken[corpus] == _SPEAKERS:
            continue
        taken[corpus] += 1
        shuffled = {name: [spots[int(at)] for at in random.permutation(len(spots))] for name, spots in sessions.items()}
        for name, (file, at) in _in_turn(shuffled)[:_CUTS]:
            chosen.append(Cut(speaker, corpus, name, _decoded(file)[int(at * RATE) : int((at + seconds) * RATE)]))
    return chosen


def _in_turn(queues: dict[str, list[tuple[str, float]]]) -> list[tuple[str, tuple[str, float]]]:
    """One of each session, then the next of each."""
    rounds = [(turn, name, spot) for name, spots in queues.items() for turn, spot in enumerate(spots[::-1])]
    return [(name, spot) for _, name, spot in sorted(rounds, key=lambda entry: entry[0])]


@functools.cache
def _decoded(file: str) -> Samples:
    return audio.load(audio.SHARED / "speech-train" / file)


def altered(cut: Samples, condition: str, random: np.random.Generator, noises: list[str]) -> Samples:
    if condition == "telephone":
        return sound.telephone(cut)
    if condition == "clean":
        return cut
    piece = sources.noise(noises[int(random.integers(len(noises)))])
    piece = np.tile(piece, -(-len(cut) // len(piece)))
    start = int(random.integers(len(piece) - len(cut) + 1))
    return cut + piece[start : start + len(cut)] * sources.active_level(cut) * sound.gain(_NOISE_DB)


def half(speaker: str) -> int:
    return hashlib.sha256(speaker.encode()).digest()[0] % 2


def centred(voices: Floats, fit: Floats, of: npt.NDArray[np.str_]) -> Floats:
    """Unit embeddings less the mean of the fit speakers, of length one again."""
    unit = normalised(fit)
    mean = np.mean([unit[of == name].mean(axis=0) for name in np.unique(of)], axis=0)
    return normalised(normalised(voices) - mean)


def as_norm(voices: Floats, cohort: Floats) -> Floats:
    """Cosines of all pairs, in deviations from each side's scores with the cohort it is most like."""
    near = np.sort(voices @ cohort.T, axis=1)[:, -_COHORT:]
    mean, spread = near.mean(axis=1), near.std(axis=1)
    cosine = voices @ voices.T
    return 0.5 * ((cosine - mean[:, None]) / spread[:, None] + (cosine - mean[None]) / spread[None])


def equal_error(scores: Floats, same: Mask, weight: Floats) -> float:
    """Where as large a share of the same is turned away as of the others is let in."""
    order = np.argsort(scores)
    same, weight = same[order], weight[order]
    missed = np.cumsum(weight * same) / (weight * same).sum()
    alarmed = 1 - np.cumsum(weight * ~same) / (weight * ~same).sum()
    at = int(np.argmax(missed >= alarmed))
    return float((missed[at] + alarmed[at]) / 2)


class Trials:
    """All pairs of cuts of one corpus and one half of the speakers."""

    def __init__(self, of: list[Cut]) -> None:
        speaker, corpus, session = (
            np.array([getattr(cut, name) for cut in of]) for name in ("speaker", "corpus", "session")
        )
        side = np.array([half(cut.speaker) for cut in of])
        upper = np.triu(np.ones((len(of), len(of)), np.bool_), 1)
        self.same = speaker[:, None] == speaker[None]
        self.used = upper & (corpus[:, None] == corpus[None]) & (side[:, None] == side[None])
        self.across = self.used & ~(self.same & (session[:, None] == session[None]))
        self.corpus = corpus
        self.corpora = [
            name for name in np.unique(corpus) if len(np.unique(speaker[corpus == name])) >= _LEAST_SPEAKERS
        ]
        self.side, self.speaker = side, speaker

    def rate(self, scores: Floats, corpora: list[str], pairs: Mask) -> float:
        """Equal error rate over these corpora, each weighing the same; NaN where there are no trials."""
        weight = np.zeros_like(scores)
        for name in corpora:
            inside = pairs & (self.corpus[:, None] == name)
            for kind in (inside & self.same, inside & ~self.same):
                if not kind.any():
                    return float("nan")
                weight[kind] = 1 / kind.sum()
        chosen = weight > 0
        return equal_error(scores[chosen], self.same[chosen], weight[chosen])

    def sessions(self) -> list[str]:
        """Corpora that hold speakers with several sessions."""
        return [name for name in self.corpora if (self.across & self.same & (self.corpus[:, None] == name)).any()]


def combined(
    trials: Trials, clean: dict[str, Floats], now: dict[str, Floats], pairs: list[tuple[str, str]]
) -> dict[str, Floats]:
    """Each embedding alone, plain and centred, and the pairs."""
    count = len(trials.side)
    out: dict[str, Floats] = {}

    def fill(name: str, chosen: Mask, scores: Floats) -> None:
        out.setdefault(name, np.zeros((count, count), np.float32))[np.ix_(chosen, chosen)] = scores

    for side in (0, 1):
        mine, other = trials.side == side, trials.side != side
        central, normed = {}, {}
        for name in now:
            unit = normalised(now[name][mine])
            central[name] = centred(now[name][mine], clean[name][other], trials.speaker[other])
            theirs = centred(clean[name][other], clean[name][other], trials.speaker[other])
            names = trials.speaker[other]
            cohort = normalised(np.array([theirs[names == one].mean(axis=0) for one in np.unique(names)]))
            normed[name] = as_norm(central[name], cohort)
            fill(name, mine, unit @ unit.T)
            fill(f"{name}, centred", mine, central[name] @ central[name].T)
            fill(f"{name}, AS-norm", mine, normed[name])
        for one, two in pairs:
            fill(f"{one} + {two}, centred", mine, central[one] @ central[one].T + central[two] @ central[two].T)
            fill(f"{one} + {two}, AS-norm", mine, normed[one] + normed[two])
    return out


def table(seconds: float, systems: dict[str, Embed]) -> dict[str, dict[str, float]]:
    """Rows of rates by column, for cuts of so many seconds."""
    of = cuts(seconds)
    trials = Trials(of)
    print(f"\n{seconds} s: {len(of)} cuts of {len(np.unique(trials.speaker))} speakers")
    pairs = [(candidates.FIRST, name) for name in systems if name != candidates.FIRST]
    noises = [e["file"] for kind in _STEADY for e in audio.manifest("noise-train") if e["kind"] == kind]
    rows: dict[str, dict[str, float]] = defaultdict(dict)
    clean: dict[str, Floats] = {}
    for condition in CONDITIONS:
        random = np.random.default_rng(_SEED)
        heard = [altered(cut.samples, condition, random, noises) for cut in of]
        now = {name: _embedded(name, embed, heard, condition) for name, embed in systems.items()}
        clean = clean or now
        for name, scores in combined(trials, clean, now, pairs).items():
            by_corpus = {one: trials.rate(scores, [one], trials.used) for one in trials.corpora}
            rows[name][f"{condition}, all"] = trials.rate(scores, trials.corpora, trials.used)
            rows[name][f"{condition}, mean"] = float(np.mean(list(by_corpus.values())))
            if condition == "clean":
                rows[name]["sessions"] = trials.rate(scores, trials.sessions(), trials.across)
                rows[name] |= by_corpus
    return rows


def _embedded(name: str, embed: Embed, heard: list[Samples], condition: str) -> Floats:
    began = time.process_time()
    found = np.stack([embed(cut) for cut in heard])
    if condition == "clean":
        print(f"  {name}: {1000 * (time.process_time() - began) / len(heard):.1f} ms of processor time a cut")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.2, 3.0])
    systems = candidates.embedders()
    for seconds in parser.parse_args().seconds:
        rows = table(seconds, systems)
        columns = list(next(iter(rows.values())))
        print(f"{'equal error rate, %':40s}" + "".join(f"{_short(name):>9s}" for name in columns))
        for name, row in rows.items():
            print(f"{name:40s}" + "".join(f"{100 * row[column]:9.1f}" for column in columns))
    return 0


def _short(column: str) -> str:
    condition, _, kind = column.partition(", ")
    return f"{condition[:4]} {kind}" if kind else column[:8]


if __name__ == "__main__":
    raise SystemExit(main())
