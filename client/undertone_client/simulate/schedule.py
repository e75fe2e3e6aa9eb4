"""What goes wrong, when and to whom: drawn from a seed before anything runs; the same seed gives the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final, Literal

Kind = Literal[
    "cut",
    "half_open",
    "stall",
    "delay",
    "throttle",
    "reload",
    "second_tab",
    "overflow",
    "slow",
    "asleep",
    "expire",
    "rubbish",
]

# kind → what it is, for --help and the report.
KINDS: Final[dict[Kind, str]] = {
    "cut": "the line is reset",
    "half_open": "one end of the line is gone and the other is not told",
    "stall": "for seconds nothing passes, either way",
    "delay": "everything is late",
    "throttle": "a line as thin as an old modem's",
    "reload": "the tab reloads: its buffer is gone, a new stream begins",
    "second_tab": "a second tab takes over, the first must be told",
    "overflow": "no line for longer than a buffer lasts: an honest gap",
    "slow": "a proctor reads slowly",
    "asleep": "a proctor reads nothing for a while",
    "expire": "a candidate renews its token, a proctor comes back with another",
    "rubbish": "a hostile socket in the same meeting",
}
# Those that the client does itself; all others that somebody has sit in the line between it and the server.
IN_THE_TAB: Final[frozenset[Kind]] = frozenset({"reload", "second_tab", "expire"})

# A buffer that overflows: so much sound is kept (of 15 minutes otherwise), and then no line for half as long again.
SMALL_BUFFER_MS: Final = 20_000
OVERFLOW_TIMES: Final = 1.5
# Between the end of a fault and the next of the same client: time to say hello again, or nothing would get through.
RECOVERY_MS: Final = 1_500


_Time = tuple[int, int]  # from, until


@dataclass(frozen=True, slots=True)
class Client:
    """A candidate or proctor, numbered from 1 each."""

    role: Literal["candidate", "proctor"]
    number: int

    def __str__(self) -> str:
        return f"{self.role} {self.number}"


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """One thing that goes wrong `at_ms` after the first candidate began to speak; wall time, as all lines have.

    `value`: `late` ms of `delay`, bytes a second of `throttle` and `slow`, which end stays of `half_open` (0: the
    server's, 1: the client's), which sort of `rubbish`.
    """

    at_ms: int
    kind: Kind
    client: Client | None  # None: nobody's; hostile sockets come from outside
    for_ms: int = 0
    value: int = 0

    def __str__(self) -> str:
        whose = "" if self.client is None else f" {self.client}"
        lasting = f" for {self.for_ms / 1000:.1f} s" if self.for_ms else ""
        return f"{self.kind}{whose} at {self.at_ms / 1000:.2f} s{lasting}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """Everything drawn by lot before a run."""

    seed: int
    offsets_ms: tuple[int, ...]  # candidate → when it begins to speak, in wall time
    faults: tuple[Fault, ...]  # by time
    small_buffers: frozenset[int]  # candidates whose buffer is to overflow
    left_out: tuple[Kind, ...] = ()  # kinds that were asked for, and that nobody has the time or the line for

    @property
    def in_the_line(self) -> tuple[Fault, ...]:
        """Those that a proxy must make."""
        return tuple(fault for fault in self.faults if fault.client is not None and fault.kind not in IN_THE_TAB)

    def of(self, client: Client) -> tuple[Fault, ...]:
        """The faults of one client, by time."""
        return tuple(fault for fault in self.faults if fault.client == client)


def draw(
    seed: int,
    *,
    spans_ms: Sequence[int],
    proctors: int,
    speed: float,
    kinds: Sequence[Kind] = (),
    rubbish_sorts: int = 1,
) -> Schedule:
    """The schedule of a seed. `spans_ms`: candidate → for how long it speaks, in wall time."""
    random = Random(f"schedule {seed}")  # noqa: S311 - a test's lot, to be drawn again
    span_ms = max(spans_ms)
    stagger_ms = span_ms // 4
    offsets = (0, *(random.randint(0, stagger_ms) for _ in spans_ms[1:]))
    faults: list[Fault] = []
    left_out: list[Kind] = []
    busy: dict[Client, list[_Time]] = {}
    for kind in kinds:
        if kind == "rubbish":
            faults += [
                Fault(random.randint(span_ms // 20, span_ms), kind, None, value=sort) for sort in range(rubbish_sorts)
            ]
            continue
        clients = _WHO[kind](len(spans_ms), proctors)
        # Every kind strikes a fifth of those it can, and at least one: whose line is too busy is spared for another.
        wanted = -(-len(clients) // 5)
        struck: list[Fault] = []
        for client in random.sample(clients, len(clients)):
            if len(struck) == wanted:
                break
            begins_ms, speaks_ms = 0, span_ms
            if client.role == "candidate":
                begins_ms, speaks_ms = offsets[client.number - 1], spans_ms[client.number - 1]
            what = _fault(random, kind, client, speaks_ms, speed)
            fault = _placed(random, what, begins_ms, speaks_ms, busy.setdefault(client, []))
            struck += [] if fault is None else [fault]
        faults += struck
        if not struck:
            left_out.append(kind)
    overflowing = frozenset(fault.client.number for fault in faults if fault.kind == "overflow" and fault.client)
    ordered = sorted(faults, key=lambda fault: (fault.at_ms, fault.kind, str(fault.client), fault.value))
    return Schedule(seed, offsets, tuple(ordered), overflowing, tuple(left_out))


def _placed(random: Random, fault: Fault, begins_ms: int, span_ms: int, busy: list[_Time]) -> Fault | None:
    """The fault at its moment: while the client speaks, but for its first and last moments. None if there is no room.

    Faults of the line follow each other; those of the tab come whenever they come, on a broken line too.
    """
    first, last = begins_ms + span_ms // 20, begins_ms + span_ms - span_ms // 10
    at_ms = random.randint(first, last)
    if fault.kind in IN_THE_TAB:
        return replace(fault, at_ms=at_ms)
    needs_ms = fault.for_ms + RECOVERY_MS
    # Where it was drawn, or else right behind one of the others, or as the first of all.
    for begin in (at_ms, first, *sorted(end for _, end in busy)):
        if first <= begin <= last and all(begin + needs_ms <= other or end <= begin for other, end in busy):
            busy.append((begin, begin + needs_ms))
            return replace(fault, at_ms=begin)
    return None


def _candidates(candidates: int, _: int) -> list[Client]:
    return [Client("candidate", number) for number in range(1, candidates + 1)]


def _proctors(_: int, proctors: int) -> list[Client]:
    return [Client("proctor", number) for number in range(1, proctors + 1)]


def _all(candidates: int, proctors: int) -> list[Client]:
    return [*_candidates(candidates, proctors), *_proctors(candidates, proctors)]


_WHO: Final[dict[Kind, Callable[[int, int], list[Client]]]] = {
    "cut": _all,
    "half_open": _all,
    "stall": _all,
    "delay": _all,
    "throttle": _candidates,
    "reload": _candidates,
    "second_tab": _candidates,
    "overflow": _candidates,
    "slow": _proctors,
    "asleep": _proctors,
    "expire": _all,
    "rubbish": lambda *_: [],  # nobody's
}


def _fault(random: Random, kind: Kind, client: Client, span_ms: int, speed: float) -> Fault:
    """What it is; its moment is yet to come."""
    # Long enough to be felt, short enough that a fault is over before the run is.
    for_ms = random.randint(min(500, span_ms // 10), max(500, min(20_000, span_ms // 4)))
    match kind:
        case "cut" | "reload" | "second_tab" | "expire":
            return Fault(0, kind, client)
        case "half_open":
            return Fault(0, kind, client, for_ms, random.randint(0, 1))
        case "delay":
            return Fault(0, kind, client, for_ms, random.randint(50, 1000))
        case "throttle":
            # A share of what the microphone makes (8 kB/s at 64 kbit/s): behind, but moving.
            return Fault(0, kind, client, for_ms, max(500, round(random.randint(1000, 6000) * (speed or 100))))
        case "slow":
            return Fault(0, kind, client, for_ms, random.randint(500, 4000))
        case "overflow":
            return Fault(0, kind, client, round(SMALL_BUFFER_MS * OVERFLOW_TIMES / (speed or 100)))
        case _:
            return Fault(0, kind, client, for_ms)
