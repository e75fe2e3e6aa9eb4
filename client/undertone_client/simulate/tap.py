"""What one proctor's sockets said, before the session that mends it: a session drops what was doubled, and resumes
where something was left out, so behind it neither can be seen."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from undertone.core.messages import Cursor


class _Told(msgspec.Struct):
    """What counts of a message; of each kind only some are there."""

    type: str
    id: int = 0
    kind: str = ""
    recovered: bool = False
    last_id: int = 0


_decode = msgspec.json.Decoder(_Told).decode


@dataclass
class Tap:
    """The numbers of the events on each connection, which must follow each other from its `ready` on.

    Where a connection resumes, it may begin again with what an older one had brought: only within one, each event comes
    once. The one exception is the answer to a review that was said twice, which has its first number.
    """

    events: int = 0
    wrong: list[str] = field(default_factory=list)
    _last: int | None = None  # of this connection

    def heard(self, text: str, cursor: Cursor | None) -> None:
        """One message as it came. `cursor`: what the session had taken so far."""
        try:
            told = _decode(text)
        except msgspec.DecodeError:
            return  # which the session says itself
        if told.type == "ready":
            after = cursor.id if told.recovered and cursor is not None else told.last_id
            if told.last_id < after:
                self.wrong.append(f"resumed after event {after}, and told that the last one was {told.last_id}")
            self._last = after
        elif told.type == "event":
            self._event(told)
        elif told.type == "tick" and self._last is not None and told.last_id < self._last:
            self.wrong.append(f"event {self._last} was followed by a tick that names {told.last_id} as the last one")

    def _event(self, told: _Told) -> None:
        self.events += 1
        if self._last is None:
            self.wrong.append(f"event {told.id} came before `ready`")
            return
        if told.id == self._last + 1:
            self._last = told.id
        elif told.id > self._last:
            self.wrong.append(f"event {told.id} came after event {self._last}: those between were left out")
            self._last = told.id
        elif told.kind != "anomaly_reviewed":
            self.wrong.append(f"event {told.id} came again after event {self._last}")

    def closed(self) -> None:
        """The connection ended."""
        self._last = None
