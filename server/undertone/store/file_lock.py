"""Locks between processes that the kernel takes back when their holder dies, however it dies (flock(2))."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


def open_lock(path: Path) -> int:
    """A descriptor to lock. Not inherited by children (PEP 446): a lock ends with the process that took it."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One process, and one thread of it, at a time. Blocks."""
    lock = open_lock(path)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
