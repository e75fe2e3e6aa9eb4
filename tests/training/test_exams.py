"""The simulated exams: what is said when, by whom, and the trials that the likeness of voices is fitted on."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("sklearn", reason="the train extra is not installed")

from training import desks, profile, sessions, sources
from training.exams import SECONDS, Desk, Mouth, exam
from training.profile import Crowd, Said, trials
from training.sources import Run, Voice
from undertone.diarize.local import profile as profiles
from undertone.diarize.local.embedding import normalised

RANDOM = np.random.default_rng(8)


def voice(name: str, runs: int = 12, sessions: int = 1) -> Voice:
    said = [Run(f"{name}-{number}.mp3", 0.0, 2.0, f"{number % sessions}") for number in range(runs)]
    return Voice(name, "corpus", tuple(said))


POOL = [voice(name, sessions=1 + number % 3) for number, name in enumerate("abcdefgh")]


def test_a_voice_says_everything_once_before_it_says_anything_twice() -> None:
    mouth = Mouth(voice("a", sessions=3), np.random.default_rng(1))
    said = []
    while mouth.turn_page():
        runs, new = mouth.say(8.0)
        assert new
        said += runs
    assert len({run.file for run in said}) == len(said) == 12
    assert not mouth.say(2.0)[1]


def test_an_exam_is_the_same_for_the_same_seed_and_holds_what_was_asked_for() -> None:
    for seed in range(20):
        whole, again = exam("judge", seed, POOL, 20, 3), exam("judge", seed, POOL, 20, 3)
        assert whole == again
        assert len(whole.scripts) >= 20
        assert whole.cast[0].name != whole.cast[1].name
        kinds = [script.kind for script in whole.scripts]
        assert sum(kinds.count(kind) for kind in ("alone", "together")) + kinds.count("border") // 2 == 3
        assert not {"alone", "together", "border"} & set(kinds[:6]), "first the candidate becomes known"
        for script in whole.scripts:
            assert all(0 <= said.at < said.end for said in script.said)
            assert (script.seconds(0) > 0) == (script.kind not in ("quiet", "alone"))
            assert (script.seconds(1) > 0) == (script.kind in ("alone", "border", "together"))


def test_words_over_a_border_end_one_window_and_begin_the_next() -> None:
    found = 0
    for seed in range(40):
        border = [script for script in exam("fit", seed, POOL, 20, 4).scripts if script.kind == "border"]
        for first, second in zip(border[::2], border[1::2], strict=True):
            found += 1
            assert max(said.end for said in first.said if said.who) == pytest.approx(SECONDS, abs=1.0)
            assert min(said.at for said in second.said if said.who) == pytest.approx(0, abs=1.0)
            assert 1 <= first.seconds(1) + second.seconds(1) <= 7
    assert found > 5


def said(speaker: str, seed: int) -> Said:
    unit = np.random.default_rng(seed).normal(size=256) + 30 * np.eye(256)[ord(speaker)]
    return Said(speaker, "1", (profiles.Voice(normalised(unit.astype(np.float32)), 6.0),))


def test_nobody_is_compared_with_a_crowd_that_he_is_in_and_trials_know_who_is_who() -> None:
    windows = [
        [said(name, 10 * desk + seed) for name in names for seed in range(3)]
        for desk, names in enumerate(["ab", "cd", "ef"] * 3)
    ]
    corpus = dict.fromkeys("abcdef", "corpus")
    crowd = Crowd(windows, corpus)
    assert len(crowd.without(set("ab"))) < len(crowd.without(set()))
    assert crowd.committed().shape == (6, 256)
    wide = dict.fromkeys("abcdefghijklmnopqrstuvwxyz", "corpus")
    more = [*windows, *([said(name, ord(name))] for name in wide)]
    of = list(trials(more, wide, Crowd(more, wide)))
    same = [trial for trial in of if not trial.other]
    assert 0 < len(same) < len(of)
    assert max(trial.row[0] for trial in same) < min(trial.row[0] for trial in of if trial.other)
    weights, bias = profile.fit(of)
    scores = np.array([trial.row @ weights + bias for trial in of])
    assert ((scores > 0) == np.array([trial.other for trial in of])).all()


@pytest.mark.shared
@pytest.mark.slow
def test_a_desk_sounds_the_same_for_the_same_number_whatever_came_before() -> None:
    whole = exam("judge", sessions.SEED, desks.pool("judge"), 10, 2)
    script = next(script for script in whole.scripts if script.said)
    noises = sources.noises("judge")
    straight = Desk(noises, [1, 7]).window(script.said, 3)
    later = Desk(noises, [1, 7])
    later.window(script.said, 2)
    assert np.array_equal(later.window(script.said, 3), straight)
    assert len(straight) == SECONDS * 16_000
    assert np.isfinite(straight).all()
