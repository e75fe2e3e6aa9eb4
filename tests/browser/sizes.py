"""How much each page loads, compressed as it travels: `python -m tests.browser.sizes` prints it.

What a page loads is read from what was built: its HTML names files, those name others (chunks, worker, worklet, the
encoder). Everything that could be loaded counts, whether or not a visit needs it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from undertone.app import BUNDLE

# In kB of 1,000 bytes, gzipped: what issue 5 allows.
BUDGETS_KB: Final = {"watch": 150, "join": 250}
PAGES: Final = ("home", "join", "watch")
_NAMES: Final = re.compile(r"""["'`(/]([\w-]+-[A-Z0-9]{8}\.(?:js|css|svg|wasm))["'`)]""")


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of a page and all it loads."""

    plain: int
    gzip: int
    brotli: int
    files: int


def size_of(page: str, bundle: Path = BUNDLE) -> Size:
    """What a first visit transfers at most, without the HTML's own 1 kB."""
    found = loaded(bundle / f"{page}.html", bundle)
    return Size(
        plain=sum(path.stat().st_size for path in found),
        gzip=sum(path.with_name(path.name + ".gz").stat().st_size for path in found),
        brotli=sum(path.with_name(path.name + ".br").stat().st_size for path in found),
        files=len(found),
    )


def loaded(start: Path, bundle: Path) -> set[Path]:
    """Every file of the bundle that `start` names, and those that they name."""
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        text = waiting.pop().read_text(encoding="utf-8", errors="replace")
        new = {path for name in _NAMES.findall(text) if (path := bundle / name).is_file()} - found
        found |= new
        waiting += [path for path in new if path.suffix == ".js"]
    return found


if __name__ == "__main__":
    print(f"{'page':<8}{'files':>6}{'plain':>10}{'gzip':>10}{'brotli':>10}{'budget (gzip)':>16}")
    for name in PAGES:
        size = size_of(name)
        budget = f"{BUDGETS_KB[name]} kB" if name in BUDGETS_KB else "–"
        figures = "".join(f"{bytes_ / 1000:>7.1f} kB" for bytes_ in (size.plain, size.gzip, size.brotli))
        print(f"{name:<8}{size.files:>6}{figures}{budget:>16}")
