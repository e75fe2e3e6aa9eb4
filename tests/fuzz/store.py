"""The database and clip store of one candidate, in memory: fenced as the statements of `store.stream_queries` are.

Each write checks at its commit what promise 1 says: nothing lost, nothing twice, nothing at a wrong time.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.client.recording import FRAME_BYTES, PER_FRAME, RATE
from tests.fuzz.speech import Speech, own_frames
from undertone.core.errors import TakenOver
from undertone.core.messages import Finished
from undertone.core.stream_actions import KeepAnchor, KeepGap, LeavePart, Opening, ReportMissing, StoreWindow
from undertone.core.window import Resume, WindowClosed
from undertone.store.parts import short_windows

CREATED_MS = 1_800_000_000_000


@dataclass
class Row:
    """One stream."""

    speech: Speech
    generation: int
    credit_ms: int | None
    credit_at_ms: int
    resume: Resume = Resume.START
    part: bytes = b""
    anchor_ms: int | None = None
    windows: list[WindowClosed] = field(default_factory=list)
    told_lost_ms: int = 0  # as the proctors were told,
    gaps: int = 0  # each rounded to a millisecond
    finished_at: int | None = None
    next_frame: int = 0

    def append(self, window: WindowClosed) -> None:
        first, end = own_frames(window)
        self.speech.check_hole(self.next_frame, first)
        assert abs(window.start_ms - self.speech.at_ms(first)) <= 2, "a window lies at a wrong time"
        self.next_frame = end
        self.windows.append(window)

    def check_finished(self, speech: Speech, finished: Finished) -> None:
        """All of `speech` is in one window, or was told to be missing as it is."""
        assert finished.offset == speech.count * FRAME_BYTES == self.finished_at
        assert finished.windows == len(self.windows)
        assert [window.window for window in self.windows] == list(range(len(self.windows)))
        speech.check_hole(self.next_frame, speech.base + speech.count)
        arrived = sum(window.samples for window in self.windows) // PER_FRAME
        missing_ms = (speech.count - arrived) * PER_FRAME * 1000 / RATE + speech.lost_ms
        assert abs(self.told_lost_ms - missing_ms) <= 1 + self.gaps, "a gap was not told as it was"


class Store:
    """`generation` is the participant's; every write is by the one it had when the writer opened the stream."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.generation = 0
        self.owned = False  # the participant's `node`

    def open(self, stream: int | None, speech: Speech, expires_ms: int) -> Opening | Row:
        """Take the stream over; the row where it is finished already."""
        if stream is None:
            before = self.rows[-1] if self.rows else None
            credit = (None, CREATED_MS) if before is None else (before.credit_ms, before.credit_at_ms)
            self.rows.append(Row(speech, 0, *credit, next_frame=speech.base))
            stream = len(self.rows)
        row = self.rows[stream - 1]
        if row.finished_at is not None:
            return row
        if stream < len(self.rows):
            raise TakenOver(f"stream {stream} has a successor")
        self.generation += 1
        row.generation = self.generation
        self.owned = True
        return Opening(
            stream=stream,
            resume=row.resume,
            part=row.part,
            anchor_ms=row.anchor_ms,
            created_ms=CREATED_MS,
            credit_ms=row.credit_ms,
            credit_at_ms=row.credit_at_ms,
            expires_ms=expires_ms,
        )

    def store_window(self, row: Row, generation: int, action: StoreWindow) -> None:
        window = action.window
        mine = row.generation == generation == self.generation
        if mine and row.resume.window == window.window:
            row.append(window)
            by_gap = window.resume.lost_ms > row.resume.lost_ms  # else what is missing moved the anchor alone
            self._move(row, action, window.resume)
            self._tell(row, action.missing if by_gap else None)
        elif not (window.window < len(row.windows) and row.windows[window.window].clip == window.clip):
            raise TakenOver("a newer connection owns the candidate")

    def keep_gap(self, row: Row, generation: int, action: KeepGap) -> None:
        resume, had = action.resume, row.resume
        news = had.offset < resume.offset or had.lost_ms < resume.lost_ms
        if row.generation == generation and had.window == resume.window and news:
            self._move(row, action, resume)
            self._tell(row, action.missing)

    def keep_anchor(self, row: Row, generation: int, action: KeepAnchor) -> None:
        if row.generation == generation:
            row.anchor_ms = action.anchor_ms

    def leave_part(self, row: Row, generation: int, action: LeavePart) -> None:
        if row.generation == generation and row.resume.window == action.resume.window and row.finished_at is None:
            self._move(row, action, action.resume)
            row.part = action.data
        self.release(generation)

    def finish(self, row: Row, generation: int, total_bytes: int) -> int:
        if row.generation == generation == self.generation and row.finished_at is None:
            row.finished_at = total_bytes
            row.part = b""
            self.owned = False
        elif not (row.generation == generation and row.finished_at is not None):
            raise TakenOver("a newer connection owns the candidate")
        return row.resume.window

    def release(self, generation: int) -> None:
        if generation == self.generation:
            self.owned = False

    def sweep(self) -> None:
        """Parts that nobody took up become short windows."""
        for number, row in enumerate(self.rows, 1):
            if row.part and (not self.owned or number < len(self.rows)):
                for window in short_windows(row.resume, row.part):
                    row.append(window)
                    row.resume, row.part = window.resume, b""

    def _move(self, row: Row, action: StoreWindow | KeepGap | LeavePart, resume: Resume) -> None:
        assert resume.offset >= row.resume.offset, "the store went back"
        row.resume, row.part, row.anchor_ms = resume, b"", action.anchor_ms
        row.credit_ms, row.credit_at_ms = action.credit_ms, action.credit_at_ms

    def _tell(self, row: Row, missing: ReportMissing | None) -> None:
        if missing is not None:
            row.told_lost_ms += missing.lost_ms
            row.gaps += 1
