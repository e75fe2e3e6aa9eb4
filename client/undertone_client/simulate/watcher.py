"""What a run tells while it goes on."""

from __future__ import annotations

from typing import Protocol

from undertone.core.events import AnomalyMoved, Event


class Watcher(Protocol):
    """Who shows what happens while it happens."""

    def spoken(self, ms: int) -> None: ...
    def stored(self) -> None: ...
    def judged(self) -> None: ...
    def found(self, event: Event, moved: AnomalyMoved) -> None: ...
    def happened(self, what: str) -> None: ...
    def phase(self, what: str) -> None: ...


class Silent:
    """Shows nothing: for a run inside somebody's tests."""

    def spoken(self, ms: int) -> None:
        """Not shown."""

    def stored(self) -> None:
        """Not shown."""

    def judged(self) -> None:
        """Not shown."""

    def found(self, event: Event, moved: AnomalyMoved) -> None:
        """Not shown."""

    def happened(self, what: str) -> None:
        """Not shown."""

    def phase(self, what: str) -> None:
        """Not shown."""
