"""One embedded PostgreSQL from initdb to shutdown, on the files of its place and in whatever state they are.

Everything here is called under the lock of the data folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import psutil

from undertone.store.embedded_faults import OtherVersion, PostgresNotStarted, name_fault
from undertone.store.embedded_place import MAJOR, Place

# Role and database that `initdb` makes; the socket's folder is the password.
NAME: Final = "undertone"
# Crash recovery replays at most max_wal_size, which takes seconds; a slow disk gets a minute.
START_TIMEOUT_S: Final = 60.0
# A fast shutdown ends all connections and writes one checkpoint; serve drains within 20 s, so this must fit beside it.
STOP_TIMEOUT_S: Final = 15.0
# How often somebody else's start or stop is looked at.
POLL_S: Final = 0.05
# Backends of a killed postmaster notice at once, unless they are in the middle of a statement.
ORPHANS_TIMEOUT_S: Final = 2.0
# The log is moved aside at the next start beyond this; warnings and errors alone go into it.
LONGEST_LOG: Final = 10 * 1024 * 1024
# What an error quotes of the log: a FATAL with its detail and hint.
TAIL_BYTES: Final = 2000

# Read at every start, after initdb's own file. `{sockets}` and `{durable}` are filled in.
SETTINGS_FILE: Final = "undertone.conf"
SETTINGS: Final = """\
# Written at every start; changes belong elsewhere.
listen_addresses = ''                   # the socket alone
unix_socket_directories = '"{sockets}"'
unix_socket_permissions = 0700
max_connections = 100                   # a serve and a few workers keep 10 to 20 each
shared_buffers = 64MB                   # what running meetings touch is a few MB; the analysis needs the memory
max_wal_size = 256MB                    # bounds the disk used and the time that recovery takes
io_method = sync                        # no three extra processes for a database that lives in memory
jit = off                               # statements are short: compiling takes longer than running
fsync = {durable}
synchronous_commit = on                 # `stored` promises that a commit survives
full_page_writes = {durable}
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
log_checkpoints = off
log_line_prefix = '%m [%p] '
"""


def ensure_running(place: Place, *, durable: bool) -> None:
    """Returns when connections are accepted, whatever state the last processes left behind."""
    deadline = time.monotonic() + START_TIMEOUT_S
    _make_data(place, durable=durable)
    failure: PostgresNotStarted | None = None
    while not _accepts(place):
        if is_alive(place):  # it starts, recovers or shuts down
            if time.monotonic() > deadline:
                raise failure or PostgresNotStarted(f"PostgreSQL runs but accepts nothing; see {place.log}")
            time.sleep(POLL_S)
        elif failure is not None:
            raise failure
        else:
            failure = _launch(place, durable=durable, timeout_s=deadline - time.monotonic())


def _make_data(place: Place, *, durable: bool) -> None:
    """Make the cluster under another name, so that a folder called `data` is always whole."""
    # Also where the cluster was made meanwhile: the initdb of somebody who was killed may outlive a clearing.
    for leftover in place.home.glob("data-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if place.data.exists():
        version = place.data / "PG_VERSION"
        found = version.read_text().strip() if version.exists() else "no version at all"
        if found != MAJOR:
            raise OtherVersion(
                f"{place.data} was made by PostgreSQL {found}, and this is {MAJOR}: bring the data over with that "
                "version's pg_dump, or choose another --data"
            )
        return
    # Never the same name twice: that initdb may still be at work.
    made = place.give(Path(tempfile.mkdtemp(prefix="data-", dir=place.home)))
    # The built-in C.UTF-8 sorts alike everywhere, and an upgrade of the C library can't break an index.
    options: list[str | Path] = ["-E", "UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    options += ["--auth-local=trust", "--auth-host=reject", "--no-instructions"]
    if not durable:
        options.append("--no-sync")
    done = place.run("initdb", "-D", made, "-U", NAME, *options, timeout_s=START_TIMEOUT_S)
    if done.returncode:
        shutil.rmtree(made, ignore_errors=True)
        raise name_fault(place.home, "initdb", done.stderr)
    with (made / "postgresql.conf").open("a") as settings:
        settings.write(f"include = '{SETTINGS_FILE}'\n")
    (made / SETTINGS_FILE).touch()
    single: list[str | Path] = ["--single", "-D", made, "-c", "exit_on_error=on", "-c", "log_checkpoints=off"]
    single += ["-c", f"fsync={'on' if durable else 'off'}", "postgres"]
    done = place.run("postgres", *single, stdin=f"create database {NAME};\n", timeout_s=START_TIMEOUT_S)
    if done.returncode:
        shutil.rmtree(made, ignore_errors=True)
        raise name_fault(place.home, "creating the database", done.stderr)
    made.rename(place.data)
    _sync(place.home)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _accepts(place: Place) -> bool:
    return place.run("pg_isready", "-q", "-h", place.sockets, "-U", NAME, "-d", NAME, timeout_s=10).returncode == 0


def _pid(place: Place) -> int | None:
    try:
        return int((place.data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return None


def _stands_in(process: psutil.Process, folder: Path) -> bool:
    """Postmaster and backends stand in the data folder all their lives. A number alone may be anybody's by now."""
    try:
        return Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False


def is_alive(place: Place) -> bool:
    """Whether a postmaster works in the data folder, be it that it starts, recovers or shuts down."""
    pid = _pid(place)
    try:
        return pid is not None and _stands_in(psutil.Process(pid), place.data)
    except psutil.NoSuchProcess:
        return False


def _clear_leftovers(place: Place) -> None:
    """After a kill: let the backends of the dead postmaster go, and take away its number wherever it left it.

    PostgreSQL refuses to start while a process of that number exists. After a reboot (of a container above all) that is
    often another one of ours, and where process 1 collects no orphans it is the dead postmaster itself.
    """
    pid = _pid(place)
    orphans = [process for process in psutil.process_iter() if _stands_in(process, place.data)]
    _, stubborn = psutil.wait_procs(orphans, ORPHANS_TIMEOUT_S)
    if _pid(place) != pid:  # a start that was under way has come through
        return
    for orphan in stubborn:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.kill()
    psutil.wait_procs(stubborn, ORPHANS_TIMEOUT_S)
    for stale in (place.data / "postmaster.pid", *place.sockets.iterdir()):
        stale.unlink(missing_ok=True)


def _launch(place: Place, *, durable: bool, timeout_s: float) -> PostgresNotStarted | None:
    """One attempt; what was in its way is returned, since a start that somebody else began may still succeed."""
    _clear_leftovers(place)
    sockets = str(place.sockets).replace("'", "''").replace('"', '""')
    settings = SETTINGS.format(sockets=sockets, durable="on" if durable else "off")
    place.give(_written(place.data / SETTINGS_FILE, settings))
    if place.log.exists() and place.log.stat().st_size > LONGEST_LOG:
        place.log.rename(place.log.with_suffix(".1"))
    place.log.touch(mode=0o600)
    place.give(place.log)
    before = place.log.stat().st_size
    # By names within the home, where it stands: pg_ctl hands the paths to a shell in double quotes.
    options = ["-s", "-w", "-t", str(max(1, int(timeout_s))), "-D", place.data.name, "-l", place.log.name]
    done = place.run("pg_ctl", "start", *options, timeout_s=timeout_s + 5)
    if done.returncode == 0:
        return None
    with place.log.open("rb") as log:
        log.seek(max(before, place.log.stat().st_size - TAIL_BYTES))
        tail = log.read().decode(errors="replace")
    return name_fault(place.home, f"starting PostgreSQL (log: {place.log})", tail or done.stderr)


def _written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def stop(place: Place) -> None:
    for how in ("fast", "immediate"):
        if not is_alive(place):
            break
        options: list[str | Path] = ["-s", "-w", "-t", str(int(STOP_TIMEOUT_S)), "-m", how, "-D", place.data]
        place.run("pg_ctl", "stop", *options, timeout_s=STOP_TIMEOUT_S + 5)
    if place.sockets.parent != place.home:
        with contextlib.suppress(OSError):  # of no use, and of no harm
            place.sockets.rmdir()
