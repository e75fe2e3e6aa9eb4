"""Bytes are found by their offsets, however they came and whatever was let go of."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from undertone.core.held import HeldBytes


@given(st.lists(st.binary(max_size=6000), max_size=20), st.data())
def test_bytes_are_found_by_their_offsets(pieces: list[bytes], data: st.DataObject) -> None:
    held = HeldBytes(1000)
    everything = b"".join(pieces)
    for piece in pieces:
        held.append(piece)
    before = data.draw(st.integers(0, len(everything) + 5))
    held.forget(1000 + before)
    first = min(before, len(everything))
    assert (held.start, held.end, len(held)) == (1000 + first, 1000 + len(everything), len(everything) - first)
    start = data.draw(st.integers(first, len(everything)))
    end = data.draw(st.integers(start, len(everything)))
    assert held.read(1000 + start, 1000 + end) == everything[start:end]
