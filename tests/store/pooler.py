"""A real pgbouncer before the PostgreSQL of the tests; `python -m tests.store.pooler --install` gets Debian's."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal
from urllib.parse import parse_qs, urlsplit

from tests.browser.find import install_packages

MISSING: Final = "pgbouncer: root installs Debian's with `make pooler`"
# Nobody else's settings, and as few connections as a small plan lends.
CONFIGURATION: Final = """\
[databases]
* = host={folder} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
default_pool_size = {size}
max_client_conn = 100
server_lifetime = 600
server_login_retry = 0.1
query_wait_timeout = {patience_s}
"""


def pgbouncer() -> str | None:
    """Path of the one to use; where Debian puts it is in no user's PATH."""
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextlib.contextmanager
def pooled(
    url: str,
    folder: Path,
    mode: Literal["transaction", "session"] = "transaction",
    size: int = 4,
    patience_s: int = 120,
) -> Iterator[str]:
    """The URL of the same database through a pooler of `size` connections. `folder` is for its configuration.
    `patience_s`: how long it lets somebody wait for one of them."""
    parts = urlsplit(url)
    options = {name: values[0] for name, values in parse_qs(parts.query).items()}
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(
        CONFIGURATION.format(
            folder=options["host"], user=parts.username, port=port, mode=mode, size=size, patience_s=patience_s
        )
    )
    configuration.chmod(0o644)
    program = pgbouncer()
    assert program is not None
    # It refuses to run as root.
    somebody = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    process = subprocess.Popen([program, "-q", configuration], stderr=subprocess.PIPE, **somebody)  # type: ignore[call-overload]
    try:
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
                break
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield f"postgresql://anybody@127.0.0.1:{port}{parts.path}"
    finally:
        process.kill()
        process.communicate()


def main() -> None:
    """Installs it where it is missing and where that is possible; what can't have it tests without it, and says so."""
    if "--install" in sys.argv and pgbouncer() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("· no pgbouncer here: installing Debian's", flush=True)
        install_packages("pgbouncer")


if __name__ == "__main__":
    main()
