"""What a person sees: progress while it runs, a table and a summary afterwards. Or one JSON object."""

from __future__ import annotations

import sys
from collections import Counter
from types import TracebackType
from typing import Final, Self

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column, Table

from undertone.core.events import AnomalyMoved, Event
from undertone_client.simulate.figures import Latency
from undertone_client.simulate.record import CandidateRecord, Record

# Beyond that a table is no help: then only those are shown that something happened to.
MAX_ROWS: Final = 40
MAX_LOSSES: Final = 20
MAX_ANOMALIES: Final = 20


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """An anomaly as it stood in the end, and an address that plays its first clip for five minutes."""

    id: str
    kind: str
    candidate: str
    windows: int
    summary: str
    listen: str | None


class Spoke(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate."""

    name: str
    file: str
    participant: str
    seconds: float
    windows: int
    outcomes: dict[str, int]
    connections: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole run; `losses` is empty if nothing was lost."""

    server: str
    meeting: str
    admin_id: str
    speed: float
    wall_seconds: float
    spoken_seconds: float
    candidates: list[Spoke]
    proctors: int
    events: int
    windows: int
    judged: int
    anomalies: list[Heard]
    clips: int
    latency: dict[str, Latency | None]
    losses: list[str]


def spoke(record: Record, candidate: CandidateRecord) -> Spoke:
    """One candidate's line."""
    outcomes: Counter[str] = Counter(
        judged.outcome for (participant, _, _), judged in record.judged.items() if participant == candidate.participant
    )
    return Spoke(
        name=candidate.name,
        file=candidate.recording.name,
        participant=candidate.participant,
        seconds=round(candidate.spoken_ms / 1000, 1),
        windows=len(candidate.stored_at),
        outcomes=dict(outcomes),
        connections=candidate.connections,
    )


class Live:
    """The progress display, on stderr."""

    def __init__(self, record: Record, console: Console) -> None:
        self._record = record
        self._console = console
        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            console=console,
        )
        total_s = sum(candidate.recording.duration_ms for candidate in record.candidates) // 1000
        self._spoken_ms = 0
        self._spoken = self._progress.add_task("spoken", total=total_s, unit="s of sound")
        self._stored = self._progress.add_task("stored", total=record.windows, unit="windows")
        self._judged = self._progress.add_task("judged", total=record.windows, unit="windows")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def spoken(self, ms: int) -> None:
        self._spoken_ms += ms
        self._progress.update(self._spoken, completed=self._spoken_ms // 1000)

    def stored(self) -> None:
        self._progress.advance(self._stored)

    def judged(self) -> None:
        self._progress.advance(self._judged)

    def found(self, event: Event, moved: AnomalyMoved) -> None:
        """An anomaly was opened or grew: say so as a proctor would read it."""
        anomaly = moved.anomaly
        verb = "again" if event.kind == "anomaly_grew" else "heard"
        self._progress.console.print(
            f"[bold yellow]{verb}[/] {escape(anomaly.participant.name)}: {escape(anomaly.summary)}", highlight=False
        )


def as_json(report: Report) -> None:
    """One object and nothing else."""
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


def as_text(report: Report, console: Console) -> None:
    """A table, the latencies, what was heard, and the verdict on the run."""
    console.print(_candidates(report))
    console.print(_latencies(report))
    for heard in report.anomalies[:MAX_ANOMALIES]:
        _say(console, f"[bold yellow]{heard.kind}[/] {escape(heard.candidate)}: {escape(heard.summary)}")
        if heard.listen is not None:
            _say(console, f"  listen (5 minutes): {escape(heard.listen)}")
    if len(report.anomalies) > MAX_ANOMALIES:
        _say(console, f"and {len(report.anomalies) - MAX_ANOMALIES} more; --json has them all")
    _say(
        console,
        f"windows stored: {report.windows}, judged: {report.judged}; events to each of {report.proctors} proctors: "
        f"{report.events}; anomalies: {len(report.anomalies)}, clips of them that play: {report.clips}",
    )
    _say(
        console,
        f"read it again: curl -H 'Authorization: Bearer {report.admin_id}' "
        f"{report.server}/meetings/{report.meeting}/anomalies",
    )
    if not report.losses:
        _say(console, "[bold green]nothing was lost[/]")
        return
    for line in report.losses[:MAX_LOSSES]:
        _say(console, f"[bold red]lost[/] {escape(line)}")
    if len(report.losses) > MAX_LOSSES:
        _say(console, f"and {len(report.losses) - MAX_LOSSES} more")


def _say(console: Console, line: str) -> None:
    """A line as it is, whatever the terminal's width: addresses are to be copied."""
    console.print(line, highlight=False, soft_wrap=True)


def _candidates(report: Report) -> Table:
    rows = report.candidates
    title = None
    if len(rows) > MAX_ROWS:
        rows = [row for row in rows if set(row.outcomes) - {"clean", "silent"}][:MAX_ROWS]
        title = f"{len(rows)} of {len(report.candidates)} candidates: those with something to report"
    table = Table("candidate", "file", "sound", "windows", Column("verdicts", no_wrap=True), "lines", title=title)
    for row in rows:
        verdicts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(row.outcomes.items()))
        table.add_row(
            escape(row.name), escape(row.file), f"{row.seconds:.1f} s", str(row.windows), verdicts, str(row.connections)
        )
    return table


def _latencies(report: Report) -> Table:
    table = Table("latency, ms", "median", "90 %", "99 %", "longest", "samples")
    for way, figures in report.latency.items():
        if figures is not None:
            numbers = (figures.p50_ms, figures.p90_ms, figures.p99_ms, figures.max_ms, figures.count)
            table.add_row(way, *map(str, numbers))
    return table
