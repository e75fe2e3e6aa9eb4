"""A clip store on a disk of its own that really fills, really hangs, or really goes away. For root alone."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

# linux/fanotify.h: whoever opens a file on the marked mount waits until we allow it, which we never do.
FAN_CLOEXEC: Final = 0x1
FAN_CLASS_CONTENT: Final = 0x4
FAN_MARK_ADD: Final = 0x1
FAN_MARK_MOUNT: Final = 0x10
FAN_OPEN_PERM: Final = 0x10000
AT_FDCWD: Final = -100

_libc = ctypes.CDLL(None, use_errno=True)
_libc.fanotify_mark.argtypes = [ctypes.c_int, ctypes.c_uint, ctypes.c_uint64, ctypes.c_int, ctypes.c_char_p]


@contextmanager
def mounted(folder: Path, size: str = "64m") -> Iterator[Path]:
    """A disk in memory."""
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No byte fits any more."""
    filling = disk / "filling"
    try:
        with filling.open("wb", buffering=0) as file:
            while file.write(bytes(65536)) == 65536:
                pass
    except OSError:
        pass  # as was meant
    try:
        yield
    finally:
        filling.unlink()


@contextmanager
def hanging(disk: Path) -> Iterator[None]:
    """Opening a file there does not return, as on a network disk whose server is gone; afterwards all go on."""
    descriptor = _libc.fanotify_init(FAN_CLASS_CONTENT | FAN_CLOEXEC, os.O_RDONLY)
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "fanotify_init")
    try:
        marked = _libc.fanotify_mark(
            descriptor, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN_PERM, AT_FDCWD, os.fsencode(disk)
        )
        if marked < 0:
            raise OSError(ctypes.get_errno(), "fanotify_mark")
        yield
    finally:
        os.close(descriptor)


@contextmanager
def away(disk: Path) -> Iterator[None]:
    """What was the folder of clips is a file."""
    clips = disk / "clips"
    aside = disk / "aside"
    clips.rename(aside)
    clips.touch()
    try:
        yield
    finally:
        clips.unlink()
        aside.rename(clips)
