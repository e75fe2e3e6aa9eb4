"""Where verdicts go: a new anomaly, the one that is open, or nowhere; and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.core.anomaly import MOST_EVIDENCE, Grew, Growing, HeardWindow, Opened, kind_of, place
from undertone.core.times import parse_rfc3339
from undertone.core.verdict import Outcome, Turn, Verdict

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


def verdict(
    outcome: Outcome = Outcome.MULTIPLE_VOICES,
    turns: tuple[Turn, ...] = (Turn(0, 30_000, 0), Turn(32_000, 36_100, 1)),
    confidence: float = 0.87,
) -> Verdict:
    speakers = sorted({turn.speaker for turn in turns})
    speech = tuple(sum(t.end_ms - t.start_ms for t in turns if t.speaker == speaker) for speaker in speakers)
    return Verdict(outcome, len(speech), confidence, speech, sum(speech[1:]), turns, None, "test")


def window(minute: float = 0, expected_voices: int = 1) -> HeardWindow:
    start_ms = round(minute * 60_000)
    start_at = START + timedelta(milliseconds=start_ms)
    return HeardWindow(f"clip-{minute}", 52, start_ms, start_at, 60_000, expected_voices)


def placed(minutes: list[float], limit: int = 10) -> list[Opened | Grew]:
    """What becomes of windows with a second voice at these minutes, one after the other."""
    growing: Growing | None = None
    steps = []
    for minute in minutes:
        step = place(growing, verdict(), window(minute), limit)
        assert step is not None
        steps.append(step)
        growing = step
    return steps


@pytest.mark.parametrize("outcome", [Outcome.CLEAN, Outcome.SILENT, Outcome.UNCLEAR, Outcome.FAILED])
def test_a_window_with_nothing_to_report_is_no_anomaly(outcome: Outcome) -> None:
    assert kind_of(outcome) is None
    assert place(None, verdict(outcome), window()) is None
    assert place(placed([0])[0], verdict(outcome), window(1)) is None


def test_the_first_window_opens_an_anomaly_with_its_evidence() -> None:
    opened = place(None, verdict(), window())
    assert isinstance(opened, Opened)
    assert (opened.kind, opened.count) == ("multiple_voices", 1)
    assert (opened.opened_at, opened.last_at) == (START, START + timedelta(seconds=60))
    (evidence,) = opened.evidence
    assert evidence.clip == "clip-0"
    assert evidence.start_at == "2026-03-01T09:00:00.000Z"
    assert (evidence.lead_in_ms, evidence.duration_ms, evidence.voices, evidence.other_ms) == (52, 60_000, 2, 4_100)
    assert evidence.turns == [(0, 30_000, 0), (32_000, 36_100, 1)]


def test_windows_within_ten_minutes_of_the_opening_grow_it_and_the_next_one_opens_another() -> None:
    steps = placed([0, 1, 9, 9.999, 10, 19])
    assert [type(step) for step in steps] == [Opened, Grew, Grew, Grew, Opened, Grew]
    assert [step.count for step in steps] == [1, 2, 3, 4, 1, 2]
    assert steps[3].opened_at == START
    assert steps[3].last_at == START + timedelta(minutes=10.999)


def test_ten_minutes_count_from_the_opening_and_not_from_the_last_window() -> None:
    assert [type(step) for step in placed([0, 6, 12])] == [Opened, Grew, Opened]


def test_how_long_an_anomaly_stays_open_can_be_chosen() -> None:
    assert [type(step) for step in placed([0, 2, 3], limit=3)] == [Opened, Grew, Opened]


def test_another_kind_is_another_matter() -> None:
    opened = placed([0])[0]
    other = place(opened, verdict(Outcome.VOICE_CHANGED, turns=(Turn(0, 20_000, 0),)), window(1))
    assert isinstance(other, Opened)
    assert other.kind == "voice_changed"


def test_a_late_window_of_an_overtaken_stream_joins_and_stands_first() -> None:
    first, late = placed([2, 1])
    assert isinstance(late, Grew)
    assert late.opened_at == START + timedelta(minutes=1)
    assert late.last_at == first.last_at
    assert [each.clip for each in late.evidence] == ["clip-1", "clip-2"]


def test_evidence_is_bounded_but_every_window_counts() -> None:
    step = placed([second / 60 for second in range(MOST_EVIDENCE + 20)])[-1]
    assert step.count == MOST_EVIDENCE + 20
    assert len(step.evidence) == MOST_EVIDENCE
    assert step.last_at == START + timedelta(seconds=MOST_EVIDENCE + 19 + 60)


@given(st.lists(st.integers(0, 120), min_size=1, max_size=40).map(sorted))
def test_no_window_is_lost_and_no_anomaly_is_longer_than_its_time(minutes: list[int]) -> None:
    steps = placed([float(minute) for minute in minutes])
    counted = 0
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        starts = [parse_rfc3339(each.start_at) for each in step.evidence]
        assert starts == sorted(starts)
        assert step.opened_at == starts[0]
        assert starts[-1] - step.opened_at < timedelta(minutes=10)
        if not isinstance(following, Grew):
            counted += step.count
    assert counted == len(minutes)


def test_the_summary_says_what_was_heard_and_where() -> None:
    steps = placed([0, 64])
    assert steps[0].summary == "another voice for about 4 s at 00:32, confidence 0.87"
    assert steps[1].summary == "another voice for about 4 s at 1:04:32, confidence 0.87"
    assert placed([0, 1, 2])[-1].summary == (
        "another voice in 3 windows, most recently for about 4 s at 02:32, confidence 0.87"
    )


def test_the_summary_of_a_whisper_claims_no_seconds() -> None:
    heard = place(None, verdict(turns=(Turn(0, 9_000, 0), Turn(50_500, 51_200, 1))), window())
    assert heard is not None
    assert heard.summary == "another voice for less than 1 s at 00:50, confidence 0.87"


def test_the_summary_counts_several_voices_together() -> None:
    turns = (Turn(0, 30_000, 0), Turn(31_000, 41_000, 1), Turn(5_000, 7_000, 2))
    heard = place(None, verdict(turns=turns), window())
    assert heard is not None
    assert heard.summary == "2 other voices for about 12 s at 00:05, confidence 0.87"


def test_the_summary_speaks_of_those_who_are_not_expected() -> None:
    turns = (Turn(0, 30_000, 0), Turn(31_000, 41_000, 1), Turn(45_000, 47_000, 2))
    heard = place(None, verdict(turns=turns), window(expected_voices=2))
    assert heard is not None
    assert heard.summary == "3 voices where 2 are expected, for about 2 s at 00:45, confidence 0.87"


def test_the_summary_of_a_changed_voice_speaks_of_the_main_one() -> None:
    changed = verdict(Outcome.VOICE_CHANGED, turns=(Turn(5_000, 15_000, 0), Turn(18_000, 20_000, 0)), confidence=0.91)
    opened = place(None, changed, window())
    assert opened is not None
    assert opened.summary == "one voice, unlike the one heard before, for about 12 s at 00:05, confidence 0.91"
    grew = place(opened, changed, window(2))
    assert grew is not None
    assert grew.summary == (
        "one voice, unlike the one heard before, in 2 windows, most recently for about 12 s at 02:05, confidence 0.91"
    )
