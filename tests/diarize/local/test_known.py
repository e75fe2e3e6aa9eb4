"""A window beside the profile, on made-up windows: letters are voices, as in test_decision."""

from __future__ import annotations

import numpy as np
import pytest

from tests.diarize.local.test_decision import BY, SURE, window
from undertone.diarize.base import Place
from undertone.diarize.local import evidence
from undertone.diarize.local.decision import decide
from undertone.diarize.local.embedding import normalised
from undertone.diarize.local.evidence import Partials
from undertone.diarize.local.known import Judged, Known, edge
from undertone.diarize.local.likeness import FEATURES, MOST_LEAN, Likeness, likeness, parse, voice_of
from undertone.diarize.local.profile import Profile, read, write

# Half a distance apart is even odds.
LIKE = Likeness(
    weights=np.array([20 if name == "distance" else 0 for name in FEATURES], np.float32),
    bias=-10.0,
    changed=4.0,
    same=-4.0,
    lean=0.5,
    lean_bias=0.0,
    cohort=normalised(np.random.default_rng(5).normal(size=(20, 256)).astype(np.float32)),
)


def heard(
    speakers: str, profile: Profile, vad: float = 1.0, place: Place | None = None
) -> tuple[Judged, Partials, Profile]:
    seen = window(speakers, vad)
    of = evidence.partials(seen, SURE, 0.0)
    known, cells = Known(profile.entering(place), LIKE), 15 * len(speakers)
    judged = known.complete(of, decide(seen, of, BY, known.lean, known.reserve), cells)
    return judged, of, read(write(known.after(of, judged, cells).leaving(place)))


def exam(*windows: str, vad: float = 1.0) -> tuple[Judged, Profile]:
    """The last of these windows, after those before it; and what is kept."""
    profile = Profile()
    for speakers in windows:
        judged, _, profile = heard(speakers, profile, vad)
    return judged, profile


BEFORE = ("  aaaaaa  ", "   aaaaaa ")


def test_the_candidate_again_is_no_change() -> None:
    judged, profile = exam(*BEFORE, "    aaa   ")
    assert judged.changed is not None
    assert judged.changed < 0.01
    assert profile.voice is not None
    assert profile.voice.windows == 3


def test_somebody_else_alone_is_a_change_and_is_not_learned() -> None:
    judged, profile = exam(*BEFORE, "    bbb   ")
    assert judged.changed is not None
    assert judged.changed > 0.9
    assert len(judged.decision.groups) == 1
    assert profile.voice is not None
    assert profile.voice.windows == 2
    assert profile.rival is None


def test_a_voice_that_stays_changed_stays_a_change() -> None:
    changes = [exam(*BEFORE, *["  bbbbbb  "] * times)[0].changed or 0.0 for times in range(1, 9)]
    assert min(changes) > 0.9


def test_the_candidate_who_comes_after_a_helper_has_been_established_is_the_change() -> None:
    judged, _ = exam("  bbbbbb  ", "   bbbbbb ", "  aaaaaa  ")
    assert (judged.changed or 0.0) > 0.9


@pytest.mark.parametrize("before", [(), ("  aaaaaaaaaa  ",), ("  aa  ", "  aa  "), ("  ababab  ", "  ababab  ")])
def test_nothing_is_claimed_before_the_candidate_is_known(before: tuple[str, ...]) -> None:
    assert exam(*before, "    bbb   ")[0].changed is None


def test_of_a_word_nothing_is_claimed() -> None:
    assert exam(*BEFORE, "    b     ")[0].changed is None


def test_a_window_with_two_voices_teaches_nothing() -> None:
    before = exam(*BEFORE)[1]
    judged, profile = exam(*BEFORE, " aaaa bb  ")
    assert len(judged.decision.groups) == 2
    assert profile.voice is not None
    assert before.voice is not None
    assert profile.voice.windows == before.voice.windows


def test_a_few_words_of_somebody_else_are_not_learned() -> None:
    profile = exam(*BEFORE)[1]
    assert profile.voice is not None
    judged, _, after = heard("  aaaaaab ", profile, vad=0.0)
    assert len(judged.decision.groups) == 1, "too few to be heard"
    assert after.voice is not None
    assert after.voice.seconds == pytest.approx(profile.voice.seconds + 7.2)
    assert float(after.voice.unit[ord("b")]) < 0.02


def test_the_candidate_comes_first_though_the_helper_speaks_more() -> None:
    profile = exam(*BEFORE)[1]
    judged, of, _ = heard(" aa bbbbbb", profile)
    assert evidence.seconds(of, judged.decision.groups[0]) == pytest.approx(2.4)
    assert judged.decision.probabilities[0] == 0
    assert judged.decision.probabilities[1] > 0.9
    unknown, _, _ = heard(" aa bbbbbb", Profile())
    assert evidence.seconds(of, unknown.decision.groups[0]) == pytest.approx(7.2)


def test_of_two_strangers_neither_is_the_candidate() -> None:
    judged, of, _ = heard(" bb cccccc", exam(*BEFORE)[1])
    assert [evidence.seconds(of, group) for group in judged.decision.groups] == pytest.approx([7.2, 2.4])


def faint_exam(*windows: str) -> tuple[Judged, Profile]:
    """Silero hears nothing: then a single partial, 1.2 s, is too little to be a person by itself."""
    return exam(*BEFORE, *windows, vad=0.0)


def test_words_over_a_windows_border_are_heard_together() -> None:
    judged, profile = faint_exam(" aaa     b")
    assert len(judged.decision.groups) == 1
    assert profile.tail is not None
    judged, profile = faint_exam(" aaa     b", "b    aaa  ")
    rest, words = judged.decision.groups
    assert (len(rest), words.tolist()) == (3, [0])
    assert judged.decision.probabilities[1] >= 0.5
    assert judged.decision.second_voice >= judged.decision.probabilities[1]
    assert profile.tail is None


def test_a_stranger_who_goes_on_over_the_border_is_one_other_voice_and_not_two() -> None:
    for vad in (0.0, 1.0):
        judged, _ = exam(*BEFORE, " aaa     b", "bbbbbbbbb", vad=vad)
        assert len(judged.decision.groups) == 1
        assert (judged.changed or 0.0) >= 0.5


def test_over_a_border_with_nothing_else_in_the_window_the_voice_has_changed() -> None:
    judged, _ = faint_exam(" aaa     b", "b         ")
    assert len(judged.decision.groups) == 1
    assert (judged.changed or 0.0) >= 0.5


@pytest.mark.parametrize("second", ["c    aaa  ", "a    aaa  ", "  b  aaa  ", "     aaa  "])
def test_what_is_not_one_voice_over_the_border_does_not_add_up(second: str) -> None:
    judged, _ = faint_exam(" aaa     b", second)
    assert len(judged.decision.groups) == 1
    assert (judged.changed or 0.0) < 0.5


@pytest.mark.parametrize(
    ("second", "heard_together"),
    [
        (Place(1, 240_000, 300_000), True),
        (Place(1, 240_000, 243_700), True),
        (Place(1, 245_000, 305_000), False),  # behind a gap
        (Place(1, 300_000, 360_000), False),  # the one between failed, or more voices were expected in it
        (Place(2, 240_000, 300_000), False),
        (Place(2, 0, 60_000), False),
    ],
)
def test_words_are_heard_together_only_where_the_next_window_begins(second: Place, heard_together: bool) -> None:
    _, _, profile = heard(" aaa     b", exam(*BEFORE, vad=0.0)[1], 0.0, Place(1, 180_000, 240_000))
    assert profile.tail is not None
    judged, _, _ = heard("b    aaa  ", profile, 0.0, second)
    assert (len(judged.decision.groups) == 2) == heard_together


def test_the_candidates_own_words_leave_no_tail() -> None:
    assert exam(*BEFORE, "  aaa    a")[1].tail is None


@pytest.mark.parametrize(
    ("speakers", "last", "words"),
    [
        ("aa   bbb", True, [5, 6, 7]),
        ("aa   bbb", False, [0, 1]),
        ("aa   bb ", True, []),
        (" aa   bb", False, []),
        ("aaaaaaaa", True, [4, 5, 6, 7]),
        ("        ", True, []),
    ],
)
def test_the_words_at_a_windows_edge(speakers: str, last: bool, words: list[int]) -> None:
    of = evidence.partials(window(speakers), SURE, 0.0)
    found = edge(of, 15 * len(speakers), last=last)
    assert (of.first[found] // 15).tolist() == words


def test_a_profile_leans_but_does_not_decide() -> None:
    candidate = exam(*BEFORE)[1].candidate
    assert candidate is not None
    of = evidence.partials(window(" aaaabb "), SURE, 0.0)
    leanings = [LIKE.leaning(candidate, of, merge) for merge in evidence.tree(of)]
    assert max(leanings) == MOST_LEAN
    assert min(leanings) == -MOST_LEAN
    strangers = evidence.partials(window(" bbbbcc "), SURE, 0.0)
    assert LIKE.parted(candidate, strangers, evidence.tree(strangers)[-1]) == pytest.approx(0, abs=0.5)


def test_where_the_candidate_is_known_a_second_voice_takes_more_than_even_odds() -> None:
    unknown, known = Known(Profile(), LIKE), Known(exam(*BEFORE)[1], LIKE)
    assert unknown.reserve == 0
    assert known.reserve > 0
    seen = window(" aaaabb ")
    of = evidence.partials(seen, SURE, 0.0)
    before = decide(seen, of, BY).second_voice
    after = decide(seen, of, BY, reserve=known.reserve).second_voice
    assert np.log(before / (1 - before)) - np.log(after / (1 - after)) == pytest.approx(known.reserve, abs=0.01)


def test_the_committed_score_tells_strangers_apart() -> None:
    by = likeness()
    of = evidence.partials(window("aaaaaaaa bbb aaa"), SURE, 0.0)
    known, other, own = (voice_of(of, np.arange(*span)) for span in ((0, 8), (8, 11), (11, 14)))
    assert by.unlike(known, own) < by.same < by.changed < by.unlike(known, other)
    assert by.stated(by.changed) == pytest.approx(0.5)
    assert len(by.cohort) >= 50


def test_weights_for_other_features_are_refused() -> None:
    with pytest.raises(ValueError, match="expected distance, crowd"):
        parse({"weights": {"pitch": 1.0}}, LIKE.cohort)
