"""Bytes of a stream, held by their offsets."""

from __future__ import annotations

from typing import Final

# Smaller pieces are joined: what Python adds to each (33 bytes, and 8 in the list) stays below 2 %.
_PIECE_BYTES: Final = 4096


class HeldBytes:
    """The bytes of a stream from offset `start` to offset `end`.

    Pieces as they came instead of one bytearray: nothing is copied on the way in, and a bytearray that grows keeps up
    to an eighth in reserve, which of a minute of speech is 60 KB for each candidate.
    """

    __slots__ = ("_pieces", "end", "start")

    def __init__(self, start: int) -> None:
        self.clear(start)

    def clear(self, start: int) -> None:
        """Hold nothing; what comes next begins at `start`."""
        self.start = self.end = start
        self._pieces: list[bytes] = []

    def __len__(self) -> int:
        return self.end - self.start

    def append(self, data: bytes) -> None:
        """The next bytes."""
        pieces = self._pieces
        if pieces and len(pieces[-1]) + len(data) <= _PIECE_BYTES:
            pieces[-1] += data
        elif data:
            pieces.append(data)
        self.end += len(data)

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, which must be held. Looks from the end, where most reads are."""
        found: list[bytes | memoryview] = []
        stop = self.end
        for piece in reversed(self._pieces):
            first = stop - len(piece)
            if first < end:
                found.append(memoryview(piece)[max(0, start - first) : end - first])
            if first <= start:
                break
            stop = first
        return b"".join(reversed(found))

    def forget(self, before: int) -> None:
        """Let go of the bytes before this offset; beyond `end`, of all."""
        count = 0
        for piece in self._pieces:
            if self.start + len(piece) > before:
                break
            self.start += len(piece)
            count += 1
        del self._pieces[:count]
        if self._pieces and self.start < before:
            self._pieces[0] = self._pieces[0][before - self.start :]
            self.start = before
