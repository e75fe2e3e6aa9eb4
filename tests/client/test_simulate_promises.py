"""The promises of a whole run: which were tried, which held, and whose close was for whose rubbish."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.simulated import ADA, a_good_run, a_recording
from undertone.core.events import Anomaly, AnomalyMoved, Event
from undertone.core.requests import MeetingCreated, MeetingData
from undertone_client.simulate.checks import Promise, heard, judge
from undertone_client.simulate.checks.peers import BACK_WITHIN_MS, unexplained
from undertone_client.simulate.hostile import SORTS, Answer
from undertone_client.simulate.record import Closed, Record
from undertone_client.simulate.run import Happened, Room
from undertone_client.simulate.schedule import Client, Fault, Kind
from undertone_client.simulate.strikes import Outage, Strike
from undertone_client.simulate.truth import Truth

BEGAN_MS = 5_000
FIRST, SECOND, PROCTOR = Client("candidate", 1), Client("candidate", 2), Client("proctor", 1)
NONSENSE = next(sort for sort in SORTS if not sort.theirs)
AWAY = Outage(2_000, None, None)
THEIRS = next(sort for sort in SORTS if sort.theirs)


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return a_good_run(a_recording(tmp_path))


# --- closes


def closes(record: Record, faults: list[Fault], outages: list[Outage] | None = None) -> list[str]:
    return list(unexplained(record.candidates, record.proctors, faults, outages or [], BEGAN_MS))


def closed(record: Record, code: int, at_ms: int, client: Client = FIRST) -> None:
    side = record.candidates if client.role == "candidate" else record.proctors
    side[client.number - 1].closes.append(Closed(BEGAN_MS + at_ms, code, "why"))


@pytest.mark.parametrize("client", [FIRST, PROCTOR])
@pytest.mark.parametrize("code", [1006, 1012, 4002, 4003, 4500, 4504, 4506])
def test_a_close_that_nothing_was_scheduled_for_is_named(record: Record, client: Client, code: int) -> None:
    closed(record, code, 2_500, client)
    assert closes(record, []) == [f"{client}: its connection ended at 2.50 s with {code} why"]


def test_an_end_that_was_meant_is_no_trouble(record: Record) -> None:
    closed(record, 1000, 2_500)
    closed(record, 4006, 2_500)
    assert closes(record, []) == []


def test_a_fault_explains_nothing_of_somebody_else(record: Record) -> None:
    closed(record, 1006, 2_500)
    assert closes(record, [Fault(2_000, "cut", SECOND), Fault(2_000, "rubbish", None, value=3)])


@pytest.mark.parametrize("code", [4500, 4504, 4507])
def test_neither_a_fault_nor_a_strike_explains_a_final_close(record: Record, code: int) -> None:
    """A peer that is closed for another's rubbish is not excused by a line of its own that was cut."""
    closed(record, code, 2_500)
    assert closes(record, [Fault(2_000, "cut", FIRST)], [AWAY])


@pytest.mark.parametrize(("kind", "explained"), [("second_tab", True), ("cut", False)])
def test_only_a_second_tab_explains_being_taken_over(record: Record, kind: Kind, explained: bool) -> None:
    closed(record, 4506, 2_500)
    assert (closes(record, [Fault(2_000, kind, FIRST)]) == []) == explained


@pytest.mark.parametrize(("at_ms", "explained"), [(1_999, False), (2_000, True), (2_001 + BACK_WITHIN_MS, False)])
def test_a_strike_explains_everybodys_broken_lines_for_a_while(record: Record, at_ms: int, explained: bool) -> None:
    closed(record, 1006, at_ms, PROCTOR)
    assert (closes(record, [], [AWAY]) == []) == explained


# --- who was heard


def accuse(record: Record, kind: str = "multiple_voices") -> None:
    id_ = max(record.events) + 1
    anomaly = Anomaly(
        id=f"a{id_}",
        kind=kind,  # type: ignore[arg-type]
        state="open",
        participant=ADA,
        opened_at="",
        last_at="",
        count=1,
        summary="another voice",
        evidence=[],
    )
    event = Event(id=id_, kind="anomaly_opened", at="", participant=ADA, body=AnomalyMoved(anomaly=anomaly))
    for proctor in record.proctors:
        record.received(proctor, event, 0)


def known(voices: int, second_s: float = 20.0) -> dict[str, Truth]:
    return {"a.mp3": Truth(file="a.mp3", seconds=59.0, voices=voices, second_voice_seconds=second_s)}


@pytest.mark.parametrize("kind", ["multiple_voices", "voice_changed"])
def test_one_voice_with_an_anomaly_is_named_and_without_one_is_not(record: Record, kind: str) -> None:
    assert list(heard.violations(record, known(1))) == []
    accuse(record, kind)
    assert list(heard.violations(record, known(1))) == [
        "Candidate 1 (a.mp3) spoke alone, and an anomaly says otherwise"
    ]


def test_two_voices_without_an_anomaly_are_named_and_with_one_are_not(record: Record) -> None:
    accuse(record, "voice_changed")  # says nothing of a second one
    assert list(heard.violations(record, known(2))) == ["Candidate 1 (a.mp3) was not alone, and no anomaly says so"]
    accuse(record)
    assert list(heard.violations(record, known(2))) == []


def test_what_can_be_missed_and_what_is_not_known_is_no_violation(record: Record) -> None:
    assert list(heard.violations(record, known(2, second_s=2.0))) == []
    assert list(heard.violations(record, {})) == []
    assert heard.known(record, {}) == 0
    assert heard.known(record, known(2)) == 1
    record.judged.clear()  # nothing was judged, which is named elsewhere
    assert list(heard.violations(record, known(2))) == []


# --- all of them


def judged(
    record: Record,
    happened: Happened | None = None,
    *,
    strikes: tuple[Strike, ...] = (),
    truths: dict[str, Truth] | None = None,
    clips: tuple[int, list[str]] = (0, []),
) -> dict[str, Promise]:
    meeting = MeetingCreated(data=MeetingData(id="m", title="", created_at=""), admin_id="a" * 32, join_secret="j" * 32)
    happened = happened or Happened(began_ms=BEGAN_MS)
    promises = judge([Room(meeting, record)], happened, strikes, truths or {}, clips)
    return {promise.name: promise for promise in promises}


def test_of_a_good_run_all_that_was_tried_held_and_the_rest_is_said_to_be_untried(record: Record) -> None:
    held = {name: promise.held for name, promise in judged(record).items()}
    assert held == dict.fromkeys(("stored", "judged", "events", "unnoticed"), True) | dict.fromkeys(
        ("private", "evidence", "answered", "heard", "struck")
    )


def test_a_stream_that_is_finished_breaks_no_line(record: Record) -> None:
    closed(record, 1000, 2_500)
    assert judged(record)["events"].looked_at == "8 received, 0 lines broke"
    closed(record, 1006, 2_500)
    assert judged(record)["events"].looked_at == "8 received, 1 lines broke"


def test_with_everything_tried_everything_holds(record: Record) -> None:
    accuse(record)
    happened = Happened(began_ms=BEGAN_MS)
    happened.answers = [Answer(sort, min(sort.codes), "") for sort in SORTS]
    happened.struck.outages = [AWAY]
    promises = judged(record, happened, strikes=(Strike(2_000, 0),), truths=known(2), clips=(1, []))
    assert {name: promise.violations for name, promise in promises.items() if not promise.held} == {}
    assert promises["struck"].looked_at == "1 of 1 strikes"


@pytest.mark.parametrize(
    ("answer", "promise", "says"),
    [
        (Answer(NONSENSE, 4501, "unauthorized"), "answered", "answered by 4501 unauthorized instead of 4500"),
        (Answer(NONSENSE, 0, "nothing within 20 s"), "answered", "answered by 0 nothing within 20 s instead of 4500"),
        (Answer(THEIRS, 1000, ""), "private", "answered by 1000 instead of 4501"),
        (Answer(THEIRS, 4501, "", read="{'type': 'ready'}"), "private", "was told {'type': 'ready'}"),
    ],
)
def test_a_wrong_answer_to_rubbish_is_named_with_its_promise(
    record: Record, answer: Answer, promise: str, says: str
) -> None:
    promises = judged(record, Happened(began_ms=BEGAN_MS, answers=[answer]))
    [said] = promises[promise].violations
    assert said == f"{answer.sort.name}: {says}"
    assert [name for name, each in promises.items() if each.held is False] == [promise]


@pytest.mark.parametrize(
    ("code", "at_ms", "excused"),
    [
        (1006, 2_500, True),
        (4002, 2_500, True),
        (1006, 1_000, False),  # it was not away yet
        (1006, 300_000, False),  # it has long been back
        (0, 2_500, False),  # no answer at all
        (1011, 2_500, False),
        (4003, 2_500, False),
    ],
)
def test_a_line_may_break_under_rubbish_only_where_a_strike_landed(
    record: Record, code: int, at_ms: int, excused: bool
) -> None:
    at = BEGAN_MS + at_ms
    happened = Happened(began_ms=BEGAN_MS, answers=[Answer(NONSENSE, code, "", from_ms=at, to_ms=at)])
    drawn = (Strike(2_000, 0),)
    assert judged(record, happened, strikes=drawn)["answered"].held is False  # drawn, and nothing was struck
    happened.struck.outages.append(AWAY)
    assert judged(record, happened, strikes=drawn)["answered"].held is excused


def test_in_a_run_without_rubbish_too_a_close_without_a_cause_is_named(record: Record) -> None:
    closed(record, 1011, 2_500)
    closed(record, 4504, 3_500, PROCTOR)
    assert judged(record)["unnoticed"].violations == [
        "candidate 1: its connection ended at 2.50 s with 1011 why",
        "proctor 1: its connection ended at 3.50 s with 4504 why",
    ]


def test_a_fault_that_was_drawn_and_never_carried_out_excuses_nothing(record: Record) -> None:
    """Only what the run says that it did counts: see `Happened`."""
    closed(record, 1006, 2_500)
    happened = Happened(began_ms=BEGAN_MS)
    assert judged(record, happened, strikes=(Strike(2_000, 0),))["unnoticed"].held is False
    happened.faults.append(Fault(2_000, "cut", FIRST))
    assert judged(record, happened)["unnoticed"].held is True


def test_an_older_tab_that_is_not_told_is_named(record: Record) -> None:
    record.candidates[0].not_told = 1
    assert judged(record)["unnoticed"].held is False


def test_rubbish_that_could_not_be_sent_is_named(record: Record) -> None:
    assert judged(record, Happened(troubles=["no credential to be had"]))["answered"].held is False


def test_a_bad_clip_and_a_strike_that_hit_nothing_are_named(record: Record) -> None:
    happened = Happened(began_ms=BEGAN_MS)
    happened.struck.troubles.append("nothing was struck")
    promises = judged(record, happened, strikes=(Strike(2_000, 0),), clips=(1, ["it does not come"]))
    assert promises["evidence"].held is promises["struck"].held is False
