"""What a load has shown, in words and figures."""

from __future__ import annotations

import math
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from tests.bench.load.figures import a_second, percentiles, slope
from tests.bench.load.machine import Look
from tests.bench.load.run import Run

KIB: Final = 1024.0
MIB: Final = 1024.0**2
LINES: Final = 12  # of a table over time
BAR: Final = 50  # characters of the fullest second
SHOWN: Final = 10
# After all have started: in the first windows that are stored, threads, pools and the allocator take what they keep.
WARM_UP_S: Final = 60.0


def lines(run: Run) -> Iterator[str]:
    """The whole report."""
    yield from _load(run)
    yield from _memory(run)
    yield from _processor(run)
    yield from _latency(run)
    yield from _restart(run)
    yield from _lost(run)


def _load(run: Run) -> Iterator[str]:
    plan = run.plan
    starting = "together within a second" if plan.together else f"spread over {plan.starting_s:.0f} s"
    yield f"\nload: {plan.candidates} candidates, started {starting}, each {plan.spoken_s:.0f} s of MP3 at 64 kbit/s"
    yield f"  a message every {run.seen.message_s * 1000:.0f} ms each; {os.cpu_count()} cores; speed {plan.speed:g}"
    yield (
        f"  the clients themselves took {run.seen.cpu_s:.0f} s of processor, "
        f"and their clock was {run.seen.latest_s * 1000:.0f} ms late at worst"
    )


def _steady(run: Run) -> list[Look]:
    """From when all had started until the kill."""
    return [each for each in run.before.looks if each.at >= run.started_at]


def _memory(run: Run) -> Iterator[str]:
    looks = run.before.looks
    yield "\nmemory of the server, MiB     resident   proportional   PostgreSQL, proportional"
    weighed = [each for each in looks if each.proportional == each.proportional]  # NaN is not
    for each in weighed[:: max(1, len(weighed) // LINES)]:
        yield (
            f"  after {each.at - run.began_at:5.0f} s               {each.resident / MIB:8.1f}     "
            f"{each.proportional / MIB:8.1f}     {each.postgres_proportional / MIB:8.1f}"
        )
    warm_at = run.started_at + WARM_UP_S / run.plan.speed
    warm = [each for each in looks if each.at >= warm_at]
    yield f"growth from {warm_at - run.began_at:.0f} s on, KiB a minute (95 % confidence):"
    sides: list[tuple[str, Callable[[Look], float]]] = [
        ("resident", lambda look: look.resident),
        ("proportional", lambda look: look.proportional),
    ]
    for name, of in sides:
        fit = slope([each.at for each in warm], [of(each) / KIB for each in warm])
        yield f"  {name:13} " + (
            f"{fit.a_minute:+8.0f} ± {fit.give_or_take:.0f}" if fit else "too short a run: a minute more is needed"
        )


def _processor(run: Run) -> Iterator[str]:
    looks = _steady(run)
    yield "\nprocessor, from the last one's start to the kill:"
    if len(looks) < 2:
        yield "  too short a run"
        return
    first, last = looks[0], looks[-1]
    passed = last.at - first.at
    spoken = run.plan.candidates * passed * run.plan.speed
    messages = run.plan.candidates * passed / run.seen.message_s
    for name, spent in (
        ("serve", last.server_cpu_s - first.server_cpu_s),
        ("PostgreSQL", last.postgres_cpu_s - first.postgres_cpu_s),
    ):
        yield (
            f"  {name:11} {spent / spoken * 1e6:6.0f} µs a candidate-second,"
            f" {spent / messages * 1e6:4.0f} µs a message; {spent / passed * 100:5.1f} % of a core"
        )


def _latency(run: Run) -> Iterator[str]:
    def of(which: str, chosen: Callable[[float, float], bool]) -> list[float]:
        """Seconds from a message of the window's, `spoken` or `over`, to `stored`; chosen by (spoken at, stored at)."""
        ways = []
        for candidate in run.seen.candidates:
            for window, stored_at in candidate.stored.items():
                messages: int = getattr(run.speech.windows[window], which)
                spoken_at = candidate.began + messages * run.seen.message_s
                if chosen(spoken_at, stored_at):
                    ways.append(stored_at - spoken_at)
        return ways

    yield "\nspoken → stored, ms"
    periods: list[tuple[str, Callable[[float, float], bool]]] = [
        ("before the kill", lambda spoken, stored: stored < run.killed_at),
        ("spoken before, stored after", lambda spoken, stored: spoken < run.killed_at < stored),
        ("spoken until all were back", lambda spoken, stored: run.killed_at <= spoken < run.back_at),
        ("after that", lambda spoken, stored: spoken >= run.back_at),
    ]
    for name, chosen in periods:
        yield f"  {name:28} {percentiles(of('spoken', chosen))}"
    over = percentiles(of("over", lambda spoken, stored: stored < run.killed_at))
    yield f"  {'from the next message on':28} {over}"
    yield "    (before the kill; only that one shows that the window is over)"
    yield "event written → proctor, ms"
    delays = [delay for proctor in run.seen.proctors for delay in proctor.delays_s]
    yield f"  {'all, also those missed':28} {percentiles(delays)}"
    yield "an answer of the server's (/healthz, 20 a second), ms"
    for name, watch in (("before the kill", run.before), ("after the restart", run.after)):
        yield f"  {name:28} {percentiles(took for _, took in watch.answers_s)}"


def _restart(run: Run) -> Iterator[str]:
    def back(clients: Iterable[Sequence[float]]) -> str:
        firsts = (next((at for at in each if at > run.killed_at), math.inf) for each in clients)
        times = sorted(first - run.killed_at for first in firsts)
        return f"first {times[0]:5.1f}   median {statistics.median(times):5.1f}   last {times[-1]:5.1f}"

    candidates, proctors = run.seen.candidates, run.seen.proctors
    yield f"\nkill -9 and restart: it was ready again after {run.up_at - run.killed_at:.1f} s; seconds after the kill"
    yield f"  candidates resumed           {back(each.ready_at for each in candidates)}"
    yield f"  and had caught up            {back(each.caught_up_at for each in candidates)}"
    yield f"  proctors were back           {back(each.ready_at for each in proctors)}"
    looks = [each for each in run.after.looks if each.at <= run.back_at + 1]
    if looks and run.before.looks:
        postgres_s = looks[-1].postgres_cpu_s - run.before.looks[-1].postgres_cpu_s
        yield (
            f"  processor from the restart until all were back: serve {looks[-1].server_cpu_s:.1f} s, "
            f"PostgreSQL {postgres_s:.1f} s"
        )
    for name, clients in (("candidates", candidates), ("proctors", proctors)):
        counted = Counter(len(each.ready_at) for each in clients)
        told = ", ".join(f"{count} had {number}" for number, count in sorted(counted.items()))
        closes = Counter(code for each in clients for code in each.closes)
        yield f"  connections of {name}: {told}; ended by {dict(sorted(closes.items()))}"
    attempts = [each for each in run.seen.attempts if each.at >= run.killed_at]
    refused = [each.at for each in attempts if each.outcome == "refused"]
    yield f"  attempts a second ({len(attempts)}, {len(refused)} of them refused: nobody listened)"
    counted_refused = dict(a_second(refused, run.killed_at))
    whole = a_second([each.at for each in attempts], run.killed_at)
    most = max((count for _, count in whole), default=1)
    for second, count in whole:
        if count:
            gone = counted_refused.get(second, 0)
            yield (
                f"    {second:3} s {count:5}  "
                + "·" * round(BAR * gone / most)
                + "█" * round(BAR * (count - gone) / most)
            )


def _lost(run: Run) -> Iterator[str]:
    found, proctors = run.found, run.seen.proctors
    yield f"\nstored: {found.windows} windows, {len(run.speech.windows)} a candidate, compared by their SHA-256"
    events = [each.events for each in proctors]
    yield (
        f"events: {found.kinds.total()}; a proctor had {min(events)} to {max(events)}, "
        f"{sum(each.repeated for each in proctors)} of all twice"
    )
    yield "  " + ", ".join(f"{kind} {count}" for kind, count in sorted(found.kinds.items()))
    warnings = [line for line in run.server_log.splitlines() if " WARNING " in line or " ERROR " in line]
    yield f"warnings of the server's: {len(warnings)}"
    yield from (f"  {each}" for each in warnings[:SHOWN])
    if not found.wrong:
        yield "nothing was lost: every window is stored once, every proctor had every event once and in order"
    else:
        yield f"WRONG ({len(found.wrong)}):"
        yield from (f"  {each}" for each in found.wrong[:SHOWN])
