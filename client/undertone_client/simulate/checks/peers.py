"""Bad input is answered by name, and nobody else notices: no close and no error without a cause that was scheduled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from undertone.core.errors import TakenOver, TokenExpired
from undertone_client.simulate.record import CandidateRecord, Closed, ProctorRecord
from undertone_client.simulate.schedule import Client, Fault
from undertone_client.simulate.strikes import Strike

# A line that died silently is found by a ping 15 s later that nobody answers for 10 s, and `ready` may take 20 s.
FAULT_SHOWS_WITHIN_MS = 60_000
# A process that was killed is restarted, and a crowd comes back with full jitter of at most 30 s.
STRIKE_SHOWS_WITHIN_MS = 90_000


def unexplained(
    candidates: Sequence[CandidateRecord],
    proctors: Sequence[ProctorRecord],
    faults: Sequence[Fault],
    strikes: Sequence[Strike],
    began_ms: int,
) -> Iterator[str]:
    """Closes that nothing in the schedule accounts for."""
    for candidate in candidates:
        yield from _of(Client("candidate", candidate.number), candidate.closes, faults, strikes, began_ms)
    for proctor in proctors:
        yield from _of(Client("proctor", proctor.number), proctor.closes, faults, strikes, began_ms)


def _of(
    client: Client, closes: Sequence[Closed], faults: Sequence[Fault], strikes: Sequence[Strike], began_ms: int
) -> Iterator[str]:
    own = [fault for fault in faults if fault.client == client]
    for closed in closes:
        at_ms = closed.at - began_ms
        if closed.code in (1000, TokenExpired.close):
            continue
        if closed.code == TakenOver.close and any(fault.kind == "second_tab" for fault in own):
            continue
        # What a fault may cause is a broken line, or a node that says it can't now: nothing final.
        struck = any(0 <= at_ms - strike.at_ms <= STRIKE_SHOWS_WITHIN_MS for strike in strikes)
        failed = any(0 <= at_ms - fault.at_ms <= fault.for_ms + FAULT_SHOWS_WITHIN_MS for fault in own)
        if closed.code < 4500 and (struck or failed):
            continue
        yield f"{client}: its connection ended at {at_ms / 1000:.2f} s with {closed.code} {closed.reason}".rstrip()
