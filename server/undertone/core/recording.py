"""One stream's sound on its way into windows: cutting, gaps, pace, and where it lies in wall-clock time."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TypeAlias

from undertone.core.errors import BadMessage, MeetingEnded, RateLimited
from undertone.core.messages import Gap
from undertone.core.mp3 import FormatChange
from undertone.core.pace import LOST_BEFORE_MS, AfterEnd, Anchor, Credit
from undertone.core.stream_actions import KeepAnchor, KeepGap, LeavePart, Opening, ReportMissing, StoreWindow
from undertone.core.window import WindowClosed, WindowCutter

# Gaps of one connection that are known again when they are repeated; a sender repeats those of its buffer at most.
GAPS_KNOWN: Final = 64

Kept: TypeAlias = StoreWindow | KeepGap | KeepAnchor


class Recording:
    """What one connection brings of a stream. Answers what is to be stored and told, in order."""

    __slots__ = (
        "_after_end",
        "_anchor",
        "_created_ms",
        "_credit",
        "_cutter",
        "_gaps",
        "begins_at",
        "bring",
    )

    def __init__(self, opening: Opening, *, max_speed: float, now_ms: int) -> None:
        self._anchor = Anchor(opening.anchor_ms, opening.created_ms)
        self._credit = Credit(max_speed, at_ms=opening.credit_at_ms)
        if opening.credit_ms is not None:
            self._credit.left_ms = opening.credit_ms
        self._cutter = WindowCutter(opening.resume)
        self._created_ms = opening.created_ms
        self._gaps: list[tuple[int, int]] = []  # (offset, lost_ms)
        # By the anchor that this connection found: what it brings moves the anchor. Without one nothing of the stream
        # was kept so far, and its sound may be from any time since the participant joined.
        begun_ms = opening.created_ms if opening.anchor_ms is None else opening.anchor_ms
        self._after_end = None if opening.ended_ms is None else AfterEnd(opening.ended_ms, begun_ms)
        closed = self._cutter.feed(opening.part)
        if opening.part and opening.anchor_ms is None:
            self._anchor.arrived(self._cutter.media_ms, now_ms)
        self.begins_at = self._cutter.position  # the byte from which this connection brings the stream
        self.bring: list[Kept] = [*self._kept(closed)]  # what was complete in the part already

    @property
    def position(self) -> int:
        """Offset of the next byte."""
        return self._cutter.position

    @property
    def windows(self) -> int:
        """How many windows were closed."""
        return self._cutter.resume.window

    @property
    def held_bytes(self) -> int:
        """Bytes of the open window in memory."""
        return self._cutter.held_bytes

    @property
    def format_changed(self) -> FormatChange | None:
        """Where the format changed: nothing more is taken."""
        return self._cutter.format_changed

    def audio(self, data: bytes, now_ms: int) -> tuple[list[Kept], bool]:
        """The next bytes; what is to be kept, and whether whole frames came.

        Raises RateLimited or MeetingEnded, and takes none.
        """
        self._check_end(now_ms)
        wait_ms = self._credit.wait_ms(now_ms)
        if wait_ms:
            raise RateLimited(
                f"a stream may bring 20 minutes of sound at once, then {self._credit.max_speed:g} times real time",
                wait_ms,
            )
        cutter = self._cutter
        before_ms = cutter.media_ms
        closed = cutter.feed(data)
        media_ms = cutter.media_ms
        if media_ms == before_ms:
            return [*self._kept(closed)], False
        self._credit.spend(media_ms - before_ms)
        late_ms = self._anchor.arrived(media_ms, now_ms)
        kept = self._kept(closed)
        if late_ms is None:
            return [*kept], True
        assert self._anchor.at_ms is not None
        missing = ReportMissing(media_ms, late_ms)
        if kept:  # the last window brings the new anchor to the row already
            return [*kept[:-1], replace(kept[-1], missing=missing)], True
        return [KeepAnchor(self._anchor.at_ms, missing)], True

    def check(self) -> None:
        """Raises BadAudio if the sound went bad, once what came before is handed on."""
        if self._cutter.bad_audio is not None:
            raise self._cutter.bad_audio

    def gap(self, gap: Gap, owed_from: int | None, now_ms: int) -> list[Kept]:
        """Lost sound. `owed_from`: where the sender's buffer begins, if it owes this gap. Raises BadMessage."""
        cutter = self._cutter
        if owed_from is not None:
            if gap.offset < owed_from:
                raise BadMessage(f"this gap ends before byte {owed_from}, where the buffer begins")
        elif gap.offset <= cutter.position and self._known(gap):
            return []
        elif gap.offset < cutter.position:
            raise BadMessage(f"a gap at byte {gap.offset}, behind byte {cutter.position} and not known")
        lost_before_ms, start_ms = cutter.lost_ms, cutter.media_ms
        if gap.lost_ms < lost_before_ms:
            raise BadMessage(f"lost_ms counts all that was lost: {gap.lost_ms} is less than {lost_before_ms}")
        self._check_plausible(gap, now_ms)
        if gap.offset == cutter.position and gap.lost_ms == lost_before_ms:
            return []  # says that nothing was lost
        stored_ms = cutter.lead_in_due_ms  # left out by the sender as well, but not lost
        closed = cutter.gap(gap.offset, gap.lost_ms)
        self._gaps = [*self._gaps[1 - GAPS_KNOWN :], (gap.offset, gap.lost_ms)]
        lost_ms = gap.lost_ms - lost_before_ms - stored_ms
        missing = ReportMissing(start_ms + stored_ms, lost_ms) if lost_ms > 0 else None
        if closed is None:
            return [KeepGap(cutter.resume, *self._pace(), missing)]
        return [replace(each, missing=missing) for each in self._kept([closed])]

    def _check_end(self, now_ms: int) -> None:
        """After the meeting's end comes what was recorded before it, and no more.

        The message that crosses the end is taken whole, so that none of what it holds from before is lost.
        """
        end, cutter = self._after_end, self._cutter
        if end is not None and end.is_over(cutter.media_ms, cutter.lost_ms, now_ms):
            raise MeetingEnded(
                "the meeting has ended, and this is being recorded now; what was recorded before is kept"
            )

    def _check_plausible(self, gap: Gap, now_ms: int) -> None:
        """No more can be lost than could have been recorded: by the rule, and the limit, that sound has to keep."""
        speed = self._credit.max_speed
        most_ms = int((now_ms - self._created_ms) * speed) + LOST_BEFORE_MS
        if speed and gap.lost_ms > most_ms:
            raise BadMessage(
                f"lost_ms is {gap.lost_ms}, and by now at most {most_ms} can be lost: {speed:g} times the time since"
                " the participant joined, and a day"
            )

    def _known(self, gap: Gap) -> bool:
        """Whether a gap behind the position was counted.

        One from before this connection counts as known if its total does not go beyond the row's, which keeps the total
        alone. Honest senders repeat the gaps of their buffer after each break; one who makes up another changes nothing
        by it: not media time, not what was told, no window. A list of all gaps would let us refuse that, and grow with
        the stream for nothing.
        """
        if (gap.offset, gap.lost_ms) in self._gaps:
            return True
        return gap.offset <= self.begins_at and gap.lost_ms <= self._cutter.lost_ms

    def flush(self) -> list[Kept]:
        """Close the open window, however short."""
        closed = self._cutter.flush()
        return [*self._kept([closed] if closed else [])]

    def part(self) -> LeavePart:
        """What a broken connection leaves behind."""
        resume, data = self._cutter.part()
        anchor_ms, credit_ms, credit_at_ms = self._pace()
        return LeavePart(resume, data, anchor_ms, credit_ms, credit_at_ms)

    def _kept(self, closed: list[WindowClosed]) -> list[StoreWindow]:
        anchor_ms, credit_ms, credit_at_ms = self._pace()
        assert anchor_ms is not None or not closed  # a window holds a frame that arrived
        return [StoreWindow(window, anchor_ms or 0, credit_ms, credit_at_ms) for window in closed]

    def _pace(self) -> tuple[int | None, int, int]:
        return self._anchor.at_ms, int(self._credit.left_ms), self._credit.at_ms
