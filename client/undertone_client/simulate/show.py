"""What a person sees: progress while it runs; then promise by promise what held, the latencies, and what to do next."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Final, Self

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.markup import escape
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.rule import Rule
from rich.table import Column, Table
from rich.text import Text

from undertone.core.events import AnomalyMoved, Event
from undertone_client.simulate.checks import Promise
from undertone_client.simulate.figures import BOUNDS_MS, Latency
from undertone_client.simulate.options import Options
from undertone_client.simulate.record import CandidateRecord
from undertone_client.simulate.report import Report

# Beyond that a table is no help: then only those are shown that something happened to.
MAX_ROWS: Final = 24
MAX_VIOLATIONS: Final = 20
MAX_ANOMALIES: Final = 12
LAST_SHOWN: Final = 6
BARS: Final = " ▁▂▃▄▅▆▇█"


class Live:
    """The progress display, on stderr: four bars, and the last things that happened."""

    def __init__(self, options: Options, candidates: list[CandidateRecord], console: Console) -> None:
        self._console = console
        self._title = (
            f"{len(candidates)} candidates · {options.proctors or options.meetings} proctors · "
            + (f"{options.meetings} meetings · " if options.meetings > 1 else "")
            + f"seed {options.seed}"
        )
        self._progress = Progress(
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=34, complete_style="cyan", finished_style="green"),
            MofNCompleteColumn(),
            TextColumn("{task.fields[unit]}"),
            TimeElapsedColumn(),
            console=console,
        )
        total_s = sum(candidate.recording.duration_ms for candidate in candidates) // 1000
        windows = sum(len(candidate.recording.windows) for candidate in candidates)
        self._spoken_ms = 0
        self._phase = "joining"
        self._last: list[str] = []
        self._spoken = self._progress.add_task("spoken", total=total_s, unit="s of sound")
        self._stored = self._progress.add_task("stored", total=windows, unit="windows")
        self._judged = self._progress.add_task("judged", total=windows, unit="windows")
        self._live = RichLive(console=console, get_renderable=self._renderable, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def _renderable(self) -> RenderableType:
        lines = [Text.from_markup(f"  [dim]·[/] {line}") for line in self._last]
        return Panel(
            Group(self._progress, *lines),
            title=f"[bold]undertone simulate[/] · {escape(self._title)}",
            subtitle=f"[dim]{escape(self._phase)}[/]",
            title_align="left",
            subtitle_align="right",
            border_style="cyan",
            width=min(100, self._console.width),
        )

    def spoken(self, ms: int) -> None:
        self._spoken_ms += ms
        self._progress.update(self._spoken, completed=self._spoken_ms // 1000)

    def stored(self) -> None:
        self._advance(self._stored)

    def judged(self) -> None:
        self._advance(self._judged)

    def _advance(self, task: TaskID) -> None:
        """A stream that is broken off makes a window more than the recording has."""
        self._progress.advance(task)
        shown = self._progress.tasks[task]
        if shown.total is not None and shown.completed > shown.total:
            self._progress.update(task, total=shown.completed)

    def found(self, event: Event, moved: AnomalyMoved) -> None:
        """An anomaly was opened or grew: say so as a proctor would read it."""
        anomaly = moved.anomaly
        verb = "again" if event.kind == "anomaly_grew" else "heard"
        self._say(f"[bold yellow]{verb}[/] {escape(anomaly.participant.name)}: {escape(anomaly.summary)}")

    def happened(self, what: str) -> None:
        self._say(f"[magenta]{escape(what)}[/]")

    def phase(self, what: str) -> None:
        self._phase = what

    def _say(self, line: str) -> None:
        if self._console.is_terminal:
            self._last = [*self._last, line][-LAST_SHOWN:]
        else:
            self._console.print(line, highlight=False, soft_wrap=True)


def as_json(report: Report) -> None:
    """One object and nothing else."""
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


def as_text(report: Report, console: Console) -> None:
    """The candidates, the latencies, what was heard; last, where eyes rest, what held and how to see it again."""
    console.print(_candidates(report))
    console.print(_latencies(report))
    for heard in report.anomalies[:MAX_ANOMALIES]:
        _say(console, f"[bold yellow]{heard.kind}[/] {escape(heard.candidate)}: {escape(heard.summary)}")
        if heard.listen is not None:
            _say(console, f"  [dim]listen (5 minutes)[/] {escape(heard.listen)}")
    if len(report.anomalies) > MAX_ANOMALIES:
        _say(console, f"and {len(report.anomalies) - MAX_ANOMALIES} more; --json has them all")
    for meeting in report.meetings[:1]:
        _say(
            console,
            f"[dim]read it again[/] curl -H 'Authorization: Bearer {meeting.admin_id}' "
            f"{report.servers[0]}/meetings/{meeting.id}/anomalies",
        )
    console.print(_promises(report))
    console.print(_verdict(report))
    if not report.held:
        _say(console, f"[bold red]the first[/] {escape(report.violations[0])}")
        for line in report.violations[1:MAX_VIOLATIONS]:
            _say(console, f"          {escape(line)}")
        if len(report.violations) > MAX_VIOLATIONS:
            _say(console, f"          and {len(report.violations) - MAX_VIOLATIONS} more; --json has them all")
    _say(console, f"[dim]seed {report.seed}; the same again:[/] {escape(report.replay)}")


def _say(console: Console, line: str) -> None:
    """A line as it is, whatever the terminal's width: addresses are to be copied."""
    console.print(line, highlight=False, soft_wrap=True)


def _verdict(report: Report) -> RenderableType:
    wrong = len(report.violations)
    faults = sum(report.faults.values())
    against = (
        f" · {faults} faults" + (f", {report.kills} kills" if report.kills else "") if faults or report.kills else ""
    )
    figures = (
        f"{report.spoken_seconds:,.0f} s of sound in {report.wall_seconds:.1f} s · {report.windows} windows · "
        f"{report.events} events × proctors{against}"
    )
    if report.held:
        return Rule(f"[bold green]everything held[/] [dim]· {figures}[/]", style="green")
    return Rule(f"[bold red]{wrong} violation{'s' if wrong > 1 else ''}[/] [dim]· {figures}[/]", style="red")


def _promises(report: Report) -> Table:
    table = Table("", "promise", "looked at", box=None, pad_edge=False, title_justify="left", show_header=False)
    for promise in report.promises:
        table.add_row(_mark(promise), escape(promise.title), f"[dim]{escape(promise.looked_at)}[/]")
    return table


def _mark(promise: Promise) -> str:
    match promise.held:
        case True:
            return "[bold green]✔ held[/]"
        case False:
            return f"[bold red]✘ {len(promise.violations)}[/]"
        case None:
            return "[dim]– not tried[/]"


def _candidates(report: Report) -> Table:
    rows = report.candidates
    title = None
    if len(rows) > MAX_ROWS:
        rows = [row for row in rows if set(row.outcomes) - {"clean", "silent"}][:MAX_ROWS]
        title = f"{len(rows)} of {len(report.candidates)} candidates: those with something to report"
    right = {"justify": "right"}
    table = Table(
        "candidate",
        "file",
        Column("sound", **right),  # type: ignore[arg-type]
        Column("streams", **right),  # type: ignore[arg-type]
        Column("lines", **right),  # type: ignore[arg-type]
        Column("windows", **right),  # type: ignore[arg-type]
        Column("verdicts", no_wrap=True),
        title=title,
        box=None,
        header_style="bold dim",
        pad_edge=False,
    )
    for row in rows:
        verdicts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(row.outcomes.items()))
        numbers = (f"{row.seconds:.1f} s", str(row.streams), str(row.connections), str(row.windows))
        table.add_row(escape(row.name), escape(row.file), *numbers, verdicts)
    return table


def _latencies(report: Report) -> Table:
    table = Table(
        "latency",
        *(Column(name, justify="right") for name in ("median", "90 %", "99 %", "longest")),
        Column(f"≤ {_ms(BOUNDS_MS[0])} … > {_ms(BOUNDS_MS[-1])}", no_wrap=True),
        box=None,
        header_style="bold dim",
        pad_edge=False,
    )
    for way, figures in report.latency.items():
        if figures is not None:
            numbers = (figures.p50_ms, figures.p90_ms, figures.p99_ms, figures.max_ms)
            table.add_row(way, *map(_ms, numbers), f"[cyan]{_histogram(figures)}[/] [dim]{figures.count} samples[/]")
    return table


def _histogram(figures: Latency) -> str:
    most = max(figures.histogram)
    steps = len(BARS) - 1
    return "".join(BARS[-(-count * steps // most)] for count in figures.histogram)


def _ms(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:g} s" if ms % 1000 == 0 else f"{ms / 1000:.1f} s"
