"""A close is accounted for by what happened to its own line or its own server just then, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.client.recording import frames
from undertone.core.errors import BadMessage, Draining, TakenOver, TokenExpired
from undertone_client.simulate.audio import load
from undertone_client.simulate.checks.peers import excusable, unexplained
from undertone_client.simulate.record import CandidateRecord, Closed, ProctorRecord
from undertone_client.simulate.schedule import Client, Fault
from undertone_client.simulate.strikes import Outage

BEGAN_MS = 1_000_000
ADA = Client("candidate", 1)
CUT = Fault(10_000, "cut", ADA)
STALL = Fault(10_000, "stall", ADA, for_ms=2_000)
LONG_STALL = Fault(10_000, "stall", ADA, for_ms=12_000)
RELOAD = Fault(10_000, "reload", ADA)
SECOND_TAB = Fault(10_000, "second_tab", ADA)
OTHERS_CUT = Fault(10_000, "cut", Client("candidate", 2))
NODE_1_AWAY = Outage(10_000, 13_000, ("one",))
WORKER_AWAY = Outage(10_000, 13_000, ())
DATABASE_AWAY = Outage(10_000, 13_000, None)
AWAY_FOR_NOBODY_KNOWS = Outage(10_000, None, ("one",))


@pytest.mark.parametrize(
    ("code", "at_ms", "cause", "explained"),
    [
        (1006, 10_100, CUT, True),
        (1006, 9_900, CUT, False),
        (1006, 16_000, CUT, False),
        (1006, 10_100, OTHERS_CUT, False),
        (1006, 10_100, RELOAD, False),
        (1006, 16_000, STALL, True),
        (1006, 18_000, STALL, False),
        (1006, 40_000, LONG_STALL, True),
        (BadMessage.close, 10_100, CUT, False),
        (1009, 10_100, CUT, False),
        (1002, 10_100, CUT, False),
        (1011, 10_100, CUT, False),
        (1011, 10_100, DATABASE_AWAY, False),
        (TakenOver.close, 9_900, SECOND_TAB, False),
        (TakenOver.close, 10_100, SECOND_TAB, True),
        (TakenOver.close, 10_100, CUT, False),
        (TokenExpired.close, 90_000, None, True),
        (1006, 10_100, None, False),
        (1006, 10_100, NODE_1_AWAY, True),
        (Draining.close, 17_000, NODE_1_AWAY, True),
        (1006, 19_000, NODE_1_AWAY, False),
        (1006, 10_100, WORKER_AWAY, False),
        (1006, 10_100, DATABASE_AWAY, True),
        (1006, 90_000, AWAY_FOR_NOBODY_KNOWS, True),
        (1006, 10_100, Outage(10_000, 13_000, ("two",)), False),
    ],
)
def test_what_accounts_for_a_close(
    tmp_path: Path, code: int, at_ms: int, cause: Fault | Outage | None, explained: bool
) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(frames(0, 100))
    candidate = CandidateRecord(1, "Candidate 1", load(path))
    candidate.closes = [Closed(BEGAN_MS + at_ms, code, "why", "one")]
    faults = [cause] if isinstance(cause, Fault) else []
    outages = [cause] if isinstance(cause, Outage) else []
    found = list(unexplained([candidate], [ProctorRecord(1)], faults, outages, BEGAN_MS))
    said = f"candidate 1: its connection ended at {at_ms / 1000:.2f} s with {code} why"
    assert found == ([] if explained else [said])


def test_a_ping_that_nobody_answered_may_be_the_line() -> None:
    assert excusable(1011, "keepalive ping timeout")
    assert not excusable(1011, "")
    assert not excusable(1002, "protocol error")
    assert excusable(1006, "")
