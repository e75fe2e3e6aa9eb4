"""What a person reads afterwards: who spoke, how long it took, what was heard, and promise by promise what held."""

from __future__ import annotations

import sys
from typing import Final

import msgspec
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from undertone_client.simulate.checks import Promise
from undertone_client.simulate.figures import BOUNDS_MS, Latency
from undertone_client.simulate.report import Report

# Beyond that a table is no help: then only those are shown that something happened to.
MAX_ROWS: Final = 24
MAX_VIOLATIONS: Final = 20
MAX_ANOMALIES: Final = 12
# Wider than that, an eye loses the line between a name and its number.
MAX_WIDTH: Final = 120
# So many numbers and a file's name have room between them from here on.
ROOMY: Final = 90
ROOM_FOR: Final = 7
# The latencies without their histogram are 62 wide, and with it 78.
HISTOGRAM_FROM: Final = 78
BARS: Final = " ▁▂▃▄▅▆▇█"
NOTHING: Final = "[dim]·[/]"
# The longest title of a promise.
TITLE_WIDTH: Final = 44
# As the protocol names them → as a column's head, most wanted first.
OUTCOMES: Final = {
    "multiple_voices": "multiple\nvoices",
    "voice_changed": "voice\nchanged",
    "failed": "failed",
    "unclear": "unclear",
    "silent": "silent",
    "clean": "clean",
}


def as_json(report: Report) -> None:
    """One object and nothing else."""
    sys.stdout.write(msgspec.json.encode(report).decode() + "\n")


def as_text(report: Report, console: Console) -> None:
    """Last, where eyes rest, what held and what did not, and how to see it again."""
    width = min(MAX_WIDTH, console.width)
    console.print()
    console.print(_candidates(report, width), width=width)
    console.print()
    console.print(_latencies(report, width), width=width)
    if report.anomalies:
        console.print()
        console.print(_heard(report), width=width)
    console.print()
    # What did not hold comes first; what was not tried last.
    for promise in sorted(report.promises, key=lambda promise: {False: 0, True: 1, None: 2}[promise.held]):
        console.print(_promise(promise), width=width)
        shown = promise.violations[:MAX_VIOLATIONS]
        for line in shown:
            console.print(Padding(Text(line), (0, 0, 0, 5)), width=width)
        if more := len(promise.violations) - len(shown):
            console.print(f"     [dim]and {more} more; --json has them all[/]")
    console.print()
    console.print(_verdict(report), width=width)
    console.print()
    _next(report, console)


def _candidates(report: Report, width: int) -> Table:
    rows = report.candidates
    if len(rows) > MAX_ROWS:
        rows = [row for row in rows if set(row.outcomes) - {"clean", "silent"}][:MAX_ROWS]
    disturbed = any(row.streams > 1 or row.connections > 1 for row in rows)
    outcomes = [each for each in OUTCOMES if any(each in row.outcomes for row in rows)]
    numbers = ["sound", *(["streams", "lines"] if disturbed else []), "windows", *(OUTCOMES[each] for each in outcomes)]
    table = _table(1 if width < ROOMY or len(numbers) > ROOM_FOR else 2)
    table.add_column("candidate", no_wrap=True)
    table.add_column("file", min_width=8)  # where it is narrow, this one gives way
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True, vertical="bottom")
    for row in rows:
        table.add_row(
            escape(row.name.removeprefix("Candidate ")),
            Text(row.file, no_wrap=True, overflow="ellipsis"),
            f"{row.seconds:,.0f} s",
            *([str(row.streams), str(row.connections)] if disturbed else []),
            str(row.windows),
            *(str(row.outcomes.get(each) or NOTHING) for each in outcomes),
        )
    if len(rows) < len(report.candidates):
        table.caption = f"{len(rows)} of {len(report.candidates)} candidates: those with something to report"
        table.caption_justify = "left"
    return table


def _latencies(report: Report, width: int) -> Table:
    table = _table()
    table.add_column("latency", no_wrap=True)
    for name in ("median", "90 %", "99 %", "longest", "samples"):
        table.add_column(name, justify="right", no_wrap=True)
    with_histogram = width >= HISTOGRAM_FROM
    if with_histogram:
        table.add_column(f"{_ms(BOUNDS_MS[0])} … {_ms(BOUNDS_MS[-1])}", no_wrap=True)
    for way, figures in report.latency.items():
        if figures is not None:
            numbers = (figures.p50_ms, figures.p90_ms, figures.p99_ms, figures.max_ms)
            bars = [f"[cyan]{_histogram(figures)}[/]"] if with_histogram else []
            table.add_row(way, *map(_ms, numbers), f"{figures.count:,}", *bars)
    return table


def _histogram(figures: Latency) -> str:
    most = max(figures.histogram)
    steps = len(BARS) - 1
    return "".join(BARS[-(-count * steps // most)] for count in figures.histogram)


def _heard(report: Report) -> Table:
    table = _table()
    table.add_column("heard", no_wrap=True)
    table.add_column("anomaly", no_wrap=True, style="yellow")
    table.add_column("windows", justify="right", no_wrap=True)
    table.add_column("summary")
    for heard in report.anomalies[:MAX_ANOMALIES]:
        kind = heard.kind.replace("_", " ")
        table.add_row(escape(heard.candidate), kind, str(heard.windows), escape(heard.summary))
    if (more := len(report.anomalies) - MAX_ANOMALIES) > 0:
        table.caption = f"and {more} more; --json has them all"
        table.caption_justify = "left"
    return table


def _promise(promise: Promise) -> RenderableType:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(width=1)
    grid.add_column(width=TITLE_WIDTH, no_wrap=True)
    grid.add_column(overflow="fold")
    count = len(promise.violations)
    match promise.held:
        case False:
            said = f"{count} violation" + ("s" if count > 1 else "")
            grid.add_row("[bold red]✘[/]", f"[bold red]{escape(promise.title)}[/]", f"[bold red]{said}[/]")
        case True:
            grid.add_row("[green]✔[/]", escape(promise.title), f"[dim]{escape(promise.looked_at)}[/]")
        case None:
            grid.add_row("[dim]–[/]", f"[dim]{escape(promise.title)}[/]", f"[dim]{escape(promise.looked_at)}[/]")
    return grid


def _verdict(report: Report) -> Text:
    wrong = len(report.violations)
    figures = [
        f"{report.spoken_seconds:,.0f} s of sound in {report.wall_seconds:,.1f} s",
        f"{report.windows:,} windows",
    ]
    if faults := sum(report.faults.values()):
        figures.append(f"{faults} faults")
    if report.left_out:
        figures.append(f"no room for {', '.join(report.left_out)}")
    if report.kills:
        figures.append(f"{report.kills} kills")
    said = (
        "[bold green]everything held[/]" if report.held else f"[bold red]{wrong} violation{'s' if wrong > 1 else ''}[/]"
    )
    return Text.from_markup(f"{said}  [dim]{' · '.join(figures)}[/]")


def _next(report: Report, console: Console) -> None:
    """What a person does next: lines to be copied, so they are as long as they are."""
    steps = [("listen", heard.listen) for heard in report.anomalies if heard.listen is not None][:1]
    steps += [
        (
            "read",
            f"curl -H 'Authorization: Bearer {meeting.admin_id}' {report.servers[0]}/meetings/{meeting.id}/anomalies",
        )
        for meeting in report.meetings[:1]
    ]
    for name, line in [*steps, ("again", report.replay)]:
        console.print(f"[dim]{name:<8}[/]{escape(line)}", highlight=False, soft_wrap=True)


def _table(between: int = 2) -> Table:
    return Table(box=None, header_style="dim", pad_edge=False, padding=(0, between, 0, 0))


def _ms(ms: int) -> str:
    return f"{ms} ms" if ms < 1000 else f"{ms / 1000:g} s" if ms % 1000 == 0 else f"{ms / 1000:.1f} s"
