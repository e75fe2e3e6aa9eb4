"""Arrays by name as one file: packed into bytes for the product, or kept on disk whole or not at all."""

from __future__ import annotations

import io
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
    """Whole or not at all, so that an interrupted run leaves nothing half-written."""
    part = file.with_suffix(".part.npz")
    np.savez(part, **arrays)
    part.replace(file)
