"""Events of one channel that arrive along two ways, from history and live, put into the order of their ids.

Ids are dense: 1, 2, 3 …. Whatever comes early, late, twice or not at all on either way, what leaves is the event after
the last one, each once; a missing one is asked for from history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from undertone.core.channel_actions import Send
from undertone.core.errors import FellBehind

# Live events kept while history is still being read, in characters: they leave in one go, which must not overflow a
# healthy socket. Those beyond are read from history in their turn.
MAX_AHEAD: Final = 64 * 1024


class Ordering:
    """What one subscriber has been handed, and what it is waiting for. Starts with a read from history."""

    __slots__ = ("_ahead", "_ahead_size", "_asked", "_goal", "_reading", "_started", "known", "last")

    def __init__(self) -> None:
        self.last = 0  # the last event handed on
        self.known = 0  # the highest id heard of
        self._started = False
        self._reading = False  # a page was asked for, when `last` was `_asked` and `known` was `_goal`
        self._asked = 0
        self._goal = 0
        self._ahead: dict[int, Send] = {}  # live events that came before those between
        self._ahead_size = 0

    def start(self, last: int, known: int) -> int:
        """The events after `last` are to be handed on; returns the id after which to read the first page."""
        self._started = True
        self.last = last
        self.known = max(self.known, known)
        self._forget(last)
        return self._ask()

    def live(self, events: Sequence[Send]) -> Sequence[Send]:
        """Events as they happen: ascending within one call, but perhaps had before or with others missing between.

        Returns those that may be handed on now. Before `start`, none.
        """
        if self._started and not self._reading:
            first, last = events[0].id, events[-1].id
            if first == self.last + 1 and last - first == len(events) - 1:
                self.last = self.known = last  # nearly always; this is what a thousand subscribers pay for
                return events
        for event in events:
            self.known = max(self.known, event.id)
            if event.id > self.last and event.id not in self._ahead and self._ahead_size < MAX_AHEAD:
                self._ahead[event.id] = event
                self._ahead_size += len(event.text)
        return () if self._reading or not self._started else self._follow()

    def history(self, event: Send) -> Sequence[Send]:
        """One event of the page asked for, ascending. Raises FellBehind if those before it are gone."""
        if event.id <= self.last:
            return ()
        if event.id != self.last + 1:
            raise self._trimmed()
        self.known = max(self.known, event.id)
        self.last = event.id
        return (event, *self._follow())

    def page_ended(self) -> Sequence[Send]:
        """That was the page asked for. Raises FellBehind if it held nothing of what must be there."""
        self._reading = False
        follow = self._follow()
        if self.last == self._asked and self.last < self._goal:
            raise self._trimmed()
        return follow

    def missing(self) -> int | None:
        """The id after which to read a page, if events are missing and none is being read."""
        if self._reading or not self._started or self.last == self.known:
            return None
        return self._ask()

    def _ask(self) -> int:
        self._reading = True
        self._asked = self.last
        self._goal = self.known
        return self.last

    def _follow(self) -> Sequence[Send]:
        """What was kept and is next now."""
        if not self._ahead:
            return ()
        follow = []
        while (event := self._ahead.pop(self.last + 1, None)) is not None:
            follow.append(event)
            self.last = event.id
        self._forget(self.last)
        return follow

    def _forget(self, last: int) -> None:
        if self._ahead:
            self._ahead = {id_: event for id_, event in self._ahead.items() if id_ > last}
            self._ahead_size = sum(len(event.text) for event in self._ahead.values())
        else:
            self._ahead_size = 0

    def _trimmed(self) -> FellBehind:
        return FellBehind(f"the events after {self.last} are kept no longer; join again for the state")
