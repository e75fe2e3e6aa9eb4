"""What can be in the way of an embedded PostgreSQL, each named with what would be right."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
from collections.abc import Iterator
from pathlib import Path
from subprocess import TimeoutExpired

from undertone.core.errors import UndertoneError


class PostgresNotStarted(UndertoneError):
    """The embedded PostgreSQL does not run; the text says what was tried and how its log ends."""


class DiskFull(PostgresNotStarted):
    """No space is left where the database, or the copy of its programs, should be."""


class FolderForbidden(PostgresNotStarted):
    """A folder is not ours to use: somebody else's, read-only, or out of the account's reach."""


class OtherVersion(PostgresNotStarted):
    """The data folder was made by another major version of PostgreSQL, or is none at all."""


# What PostgreSQL and the system call these faults, in the C locale that its programs run in.
_FULL = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
_FORBIDDEN = (os.strerror(errno.EACCES), os.strerror(errno.EPERM), os.strerror(errno.EROFS))


def name_fault(folder: Path, doing: str, text: str) -> PostgresNotStarted:
    """The error for what one of PostgreSQL's programs, or the system, said while `doing` something in `folder`."""
    text = text.strip() or "it said nothing"
    if any(words in text for words in _FULL):
        return DiskFull(f"{doing}: the disk of {folder} is full; make room there, or choose another --data\n{text}")
    if any(words in text for words in _FORBIDDEN):
        return FolderForbidden(
            f"{doing}: {folder} must belong to the user who serves ({_name(os.geteuid())}) and be writable; "
            f"change its owner, or choose another --data\n{text}"
        )
    return PostgresNotStarted(f"{doing}: {text}")


@contextlib.contextmanager
def named_faults(folder: Path) -> Iterator[None]:
    """Let what the system refuses leave as one of the errors above."""
    try:
        yield
    except TimeoutExpired as error:
        raise PostgresNotStarted(f"{Path(error.cmd[0]).name} took longer than {error.timeout:.0f} s") from error
    except OSError as error:
        where = Path(os.fsdecode(error.filename)) if isinstance(error.filename, str | bytes) else folder
        text = f"{error.strerror}{_owned(where)}"
        raise name_fault(where, "starting PostgreSQL", text) from error


def _owned(path: Path) -> str:
    """Whose the path is, or the folder in which it could not be made."""
    for found in (path, *path.parents):
        with contextlib.suppress(OSError):
            return f": {path} ({found} belongs to {_name(found.lstat().st_uid)})"
    return f": {path}"


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
