"""Commands that run at the same time and are told one after the other: `python -m tests.side_by_side COMMAND …`.

`make check` is made of such. All of them are run, whatever fails; the exit code is that of the first that did.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import IO


def main(commands: Sequence[str]) -> int:
    """Each is for the shell. What it says is printed whole, in the order in which they are given."""
    first = 0
    for process, said in [_begun(command) for command in commands]:
        code = process.wait()
        said.seek(0)
        shutil.copyfileobj(said, sys.stdout)
        sys.stdout.flush()
        first = first or code
    return first


def _begun(command: str) -> tuple[subprocess.Popen[str], IO[str]]:
    said = tempfile.TemporaryFile("w+")  # noqa: SIM115  # gone with its last reader
    return subprocess.Popen(command, shell=True, stdout=said, stderr=subprocess.STDOUT, text=True), said


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
