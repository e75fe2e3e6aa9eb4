"""The one kind of Range request that players make (RFC 9110 section 14): one range of bytes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

_ONE_RANGE: Final = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{0,15})|-([0-9]{1,15}))")


@dataclass(frozen=True, slots=True)
class Range:
    """Bytes `start` to before `end` of `size`."""

    start: int
    end: int
    size: int

    @property
    def content_range(self) -> str:
        """As the header says it: the last byte is inclusive there."""
        return f"bytes {self.start}-{self.end - 1}/{self.size}"


class Unsatisfiable(Exception):
    """No byte of the range exists: 416."""


def read_range(header: str | None, size: int) -> Range | None:
    """The range asked for; None is the whole. What we don't speak (other units, several ranges, nonsense) is ignored,
    as section 14.2 allows. Raises Unsatisfiable."""
    match = None if header is None else _ONE_RANGE.fullmatch(header.replace(" ", ""))
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None  # invalid by section 14.1.1, and an invalid range is ignored
    if start >= end:
        raise Unsatisfiable
    return Range(start, end, size)
