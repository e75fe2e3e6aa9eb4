"""Arrays by name as one file: packed into bytes for the product, or kept on disk. A file kept is whole or not there."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]


def packed(arrays: Arrays) -> bytes:
    """The bytes of a compressed .npz."""
    out = io.BytesIO()
    np.savez_compressed(out, **arrays)
    return out.getvalue()


def keep(file: Path, arrays: Arrays) -> None:
    """Under that name once it is whole, so that an interrupted run leaves nothing half-written."""
    part = file.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(file)


def kept(file: Path, make: Callable[[], bytes]) -> bytes:
    """What is in the file; made now unless it is there."""
    if not file.exists():
        content = make()
        file.parent.mkdir(parents=True, exist_ok=True)
        part = file.with_suffix(".part")
        part.write_bytes(content)
        part.replace(file)
    return file.read_bytes()
