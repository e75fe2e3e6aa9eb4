"""Bad input is answered by name, and nobody else notices: no close and no error without a cause that was scheduled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from undertone.core.errors import TakenOver, TokenExpired, may_retry
from undertone_client.simulate.hostile import Answer
from undertone_client.simulate.record import CandidateRecord, Closed, ProctorRecord
from undertone_client.simulate.schedule import Client, Fault, Kind
from undertone_client.simulate.strikes import Outage

# Those that break a line, or keep from it what keeps it alive; the tab's own end no connection but as `TakenOver` says.
IN_THE_LINE: Final[frozenset[Kind]] = frozenset(
    {"cut", "half_open", "stall", "delay", "throttle", "overflow", "slow", "asleep"}
)
# RFC 6455 section 7.4.1: the peer broke the protocol, and it met what it was not made for. A line does neither; a ping
# that nobody answers ends so, too, and by the reason of the servers that we know.
SERVERS_OWN: Final = frozenset({1002, 1011})
NO_PONG: Final = "keepalive ping timeout"
# What waited in the line for its end is dealt with by then, on a busy machine too.
SHOWS_WITHIN_MS: Final = 5_000
# A fault that lasts for as long as a `hello` may take outlasts a deadline. The longest is that of a ping: one goes out
# every 15 s, and waits 10 s for its answer.
LASTING_MS: Final = 5_000
PING_MISSED_WITHIN_MS: Final = 25_000
# Where nobody says when a process was started again: within a minute, and a crowd comes back with jitter of up to 30 s.
BACK_WITHIN_MS: Final = 90_000


def unexplained(
    candidates: Sequence[CandidateRecord],
    proctors: Sequence[ProctorRecord],
    faults: Sequence[Fault],
    outages: Sequence[Outage],
    began_ms: int,
) -> Iterator[str]:
    """Closes that nothing in the schedule accounts for."""
    for candidate in candidates:
        yield from _of(Client("candidate", candidate.number), candidate.closes, faults, outages, began_ms)
    for proctor in proctors:
        yield from _of(Client("proctor", proctor.number), proctor.closes, faults, outages, began_ms)


def _of(
    client: Client, closes: Sequence[Closed], faults: Sequence[Fault], outages: Sequence[Outage], began_ms: int
) -> Iterator[str]:
    own = [fault for fault in faults if fault.client == client]
    for closed in closes:
        at_ms = closed.at - began_ms
        if closed.code in (1000, TokenExpired.close):
            continue
        if closed.code == TakenOver.close and any(fault.kind == "second_tab" and fault.at_ms <= at_ms for fault in own):
            continue
        # What a fault may cause is a broken line, or a node that says it can't now: nothing final.
        explained = any(_broke(fault, at_ms) for fault in own) or any(
            _was_away(outage, closed.server, at_ms, at_ms) for outage in outages
        )
        if excusable(closed.code, closed.reason) and explained:
            continue
        yield f"{client}: its connection ended at {at_ms / 1000:.2f} s with {closed.code} {closed.reason}".rstrip()


def excusable(code: int, reason: str) -> bool:
    """Whether a broken line or a process that is away can end a connection so: not by a server that broke down."""
    return may_retry(code) and (code not in SERVERS_OWN or reason == NO_PONG)


def struck(answer: Answer, outages: Sequence[Outage], began_ms: int) -> bool:
    """Whether a hostile socket's server was away while it was open."""
    from_ms, to_ms = answer.from_ms - began_ms, answer.to_ms - began_ms
    return any(_was_away(outage, answer.server, from_ms, to_ms) for outage in outages)


def _broke(fault: Fault, at_ms: int) -> bool:
    late_ms = PING_MISSED_WITHIN_MS if fault.for_ms >= LASTING_MS else SHOWS_WITHIN_MS
    return fault.kind in IN_THE_LINE and 0 <= at_ms - fault.at_ms <= fault.for_ms + late_ms


def _was_away(outage: Outage, server: str | None, from_ms: int, to_ms: int) -> bool:
    until_ms = outage.at_ms + BACK_WITHIN_MS if outage.until_ms is None else outage.until_ms + SHOWS_WITHIN_MS
    there = outage.servers is None or server is None or server in outage.servers
    return there and outage.at_ms <= to_ms and from_ms <= until_ms
