"""What a clip store promises: the bytes of windows and parts, as objects that a folder or a bucket keeps.

An object is written once, under a name that nobody else uses, and durable before the call returns: only then may a row
name it. Every call has a deadline, and no call holds up the event loop.
"""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from undertone.core.errors import NotFound, Unavailable, UndertoneError

# A window's clip (half a megabyte) takes 2-20 ms to a disk, 50-200 ms to a bucket; who needs 10 s is as good as away.
ANSWER_WITHIN_S: Final = 10.0
# Objects a listing brings at a time: a store of 100,000 in a hundred steps of some milliseconds.
LISTED_AT_A_TIME: Final = 1000

ALL_CLIPS: Final = "clips"

PROBE: Final = b"Undertone was here"


class WrongStore(UndertoneError):
    """Whoever runs the server named a place that can't keep clips; the text says what would be right."""


def clip_id(participant: str, stream: int | None, number: int) -> str:
    """A new id of a window's clip: one path segment, never used again. An upload has no stream's number yet."""
    return f"{participant}-{'upload' if stream is None else stream}-{number}-{secrets.token_hex(8)}"


def clip_object(meeting: str, clip: str) -> str:
    """The object that holds the clip with this id."""
    return f"{ALL_CLIPS}/{meeting}/{clip}.mp3"


def part_object(meeting: str, participant: str, stream: int) -> str:
    """A new name for the object that holds a part of the stream."""
    return f"{ALL_CLIPS}/{meeting}/{participant}-{stream}-{secrets.token_hex(8)}.part"


@dataclass(frozen=True, slots=True)
class Stored:
    """What a listing says of one object; size in bytes."""

    object: str
    modified_at: datetime
    size: int


class ClipStore(ABC):
    """Objects by name. Every call raises Unavailable if the store is away, or silent for longer than it is given."""

    @property
    def origin(self) -> str | None:
        """Where `link` leads, as a web origin, once `check` has found out; None where it makes no links."""
        return None

    @abstractmethod
    async def put(self, name: str, data: bytes) -> None:
        """Durable when it returns. An object of this name must not exist: FileExistsError, and it stays as it was."""

    @abstractmethod
    async def get(self, name: str) -> bytes:
        """The whole object. Raises NotFound."""

    @abstractmethod
    async def get_range(self, name: str, start: int, end: int) -> bytes:
        """The bytes from `start` up to, not including, `end`; 0 <= start < end <= size. Raises NotFound."""

    @abstractmethod
    async def delete(self, name: str) -> None:
        """Gone when it returns, whether it was there or not."""

    @abstractmethod
    def list(self, prefix: str = ALL_CLIPS) -> AsyncIterator[Stored]:
        """All objects below the folder `prefix`, in no order; one that comes or goes meanwhile may be in it or not."""

    async def link(self, name: str, seconds: int) -> str | None:
        """A link to the object that needs no credential for so long; None where the store makes none."""
        return None

    async def check(self) -> None:
        """Writes, reads and deletes an object, before anybody relies on it. Raises WrongStore if that can't work as
        things are set, and Unavailable if it may later."""
        # A name like a part's: one that a killed process leaves behind is swept with what no row names.
        name = part_object("start", "probe", 1)
        await self.put(name, PROBE)
        try:
            if await self.get(name) != PROBE:
                raise WrongStore("the clip store gives back something else than was put there")
        except NotFound:
            raise WrongStore("the clip store forgets at once what was put there") from None
        await self.delete(name)


def away(why: str) -> Unavailable:
    """What peers are told: the kind of fault only, since messages of a store name its paths. The cause has them."""
    return Unavailable(f"the clip store is away: {why}")
