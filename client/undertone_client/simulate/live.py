"""What a person sees while it runs: how far it is, and the last things that happened."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live as RichLive
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from undertone.core.events import AnomalyMoved, Event
from undertone_client.simulate.options import Options
from undertone_client.simulate.record import CandidateRecord
from undertone_client.simulate.show import MAX_WIDTH

LAST_SHOWN: Final = 6


class Live:
    """The progress display, on stderr; where that is no terminal, one line for each thing that happens."""

    def __init__(self, options: Options, candidates: list[CandidateRecord], console: Console) -> None:
        self._console = console
        self._title = ", ".join(
            [
                _counted(len(candidates), "candidate"),
                _counted(options.proctors or options.meetings, "proctor"),
                _counted(options.meetings, "meeting"),
                f"{options.speed:g}× real time" if options.speed else "as fast as it goes",
            ]
        )
        self._to_speak_ms = sum(candidate.recording.duration_ms for candidate in candidates)
        # A stream that is broken off makes a window more than the recording has.
        self._windows = sum(len(candidate.recording.windows) for candidate in candidates)
        self._spoken_ms = 0
        self._stored = 0
        self._judged = 0
        self._began = time.monotonic()
        self._phase = "the candidates join"
        self._last: list[Text] = []
        self._live = RichLive(console=console, get_renderable=self._renderable, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def spoken(self, ms: int) -> None:
        self._spoken_ms += ms

    def stored(self) -> None:
        self._stored += 1

    def judged(self) -> None:
        self._judged += 1

    def found(self, event: Event, moved: AnomalyMoved) -> None:
        """An anomaly was opened, grew, or was reviewed: say so as a proctor would read it."""
        anomaly = moved.anomaly
        verb = "again" if event.kind == "anomaly_grew" else "heard"
        self._say(f"[yellow]{verb} {escape(anomaly.participant.name)}: {escape(anomaly.summary)}[/]")

    def happened(self, what: str) -> None:
        self._say(escape(what))

    def phase(self, what: str) -> None:
        self._phase = what

    def _say(self, what: str) -> None:
        line = Text.from_markup(f"[dim]{self._seconds():7.1f} s[/]  {what}", overflow="ellipsis")
        line.no_wrap = True
        if self._console.is_terminal:
            self._last = [*self._last, line][-LAST_SHOWN:]
        else:
            self._console.print(line.plain, highlight=False, markup=False, soft_wrap=True)

    def _seconds(self) -> float:
        return time.monotonic() - self._began

    def _renderable(self) -> RenderableType:
        width = min(MAX_WIDTH, self._console.width)
        head = Table.grid(expand=True, padding=(0, 2))
        head.width = width
        head.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        head.add_column(no_wrap=True, justify="right")
        head.add_row(f"[bold]undertone simulate[/]  [dim]{escape(self._title)}[/]", f"[dim]{self._seconds():.0f} s[/]")
        bars = Table.grid(padding=(0, 2))
        bars.width = width
        bars.add_column(no_wrap=True)
        bars.add_column(ratio=1)
        bars.add_column(no_wrap=True, justify="right")
        bars.expand = True
        spoken_s, to_speak_s = self._spoken_ms // 1000, self._to_speak_ms // 1000
        for name, done, total, unit in (
            ("spoken", spoken_s, to_speak_s, "s of sound"),
            ("stored", self._stored, max(self._windows, self._stored), "windows"),
            ("judged", self._judged, max(self._windows, self._stored, self._judged), "windows"),
        ):
            bar = ProgressBar(total=total, completed=done, complete_style="cyan", finished_style="green")
            bars.add_row(f"  {name}", bar, f"{done:,} of {total:,} {unit:<10}")
        return Group(head, "", bars, "", f"  [bold]{escape(self._phase)}[/]", *self._last)


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
