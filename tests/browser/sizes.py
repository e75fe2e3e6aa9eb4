"""How much each page loads, compressed as it travels: `python -m tests.browser.sizes` prints it.

What a page loads is read from what was built: its HTML names files, those name others (chunks, worker, worklet, the
encoder). Everything that could be loaded counts, whether or not a visit needs it; but for the video room, which only a
server with a room provider has loaded, and then only the script of its provider.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from undertone.app import BUNDLE

# In kB of 1,000 bytes, gzipped: what issue 5 allows.
BUDGETS_KB: Final = {"watch": 150, "join": 250}
# On top, where the meeting has a room: what its provider's script takes is the vendor's, at most twice LiveKit's today.
ROOM_BUDGET_KB: Final = 350
# A call with a literal: what is loaded by it is loaded when it is called.
_LATER: Final = re.compile(r"""import\(["'`]\./([\w-]+\.js)["'`]\)""")
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
    return size(loaded(bundle / f"{page}.html", bundle))


def size(found: set[Path]) -> Size:
    """Of these files together."""
    return Size(
        plain=sum(path.stat().st_size for path in found),
        gzip=sum(path.with_name(path.name + ".gz").stat().st_size for path in found),
        brotli=sum(path.with_name(path.name + ".br").stat().st_size for path in found),
        files=len(found),
    )


def rooms(bundle: Path = BUNDLE) -> dict[str, set[Path]]:
    """What a room takes on top of either page, by the provider's script."""
    pages = set().union(*(loaded(bundle / f"{page}.html", bundle) for page in PAGES))
    [element] = {name for path in pages if path.suffix == ".js" for name in _LATER.findall(path.read_text())}
    common = loaded(bundle / element, bundle) | {bundle / element}
    drivers = {name for path in common for name in _LATER.findall(path.read_text())}
    found = {}
    for name in drivers:
        script = (bundle / name).read_text()
        provider = "livekit" if "livekit" in script else "realtimekit"
        found[provider] = (common | {bundle / name} | loaded(bundle / name, bundle)) - pages
    return found


def loaded(start: Path, bundle: Path) -> set[Path]:
    """Every file of the bundle that `start` names, and those that they name; not what is loaded later, if at all."""
    found: set[Path] = set()
    waiting = [start]
    while waiting:
        text = _LATER.sub("", waiting.pop().read_text(encoding="utf-8", errors="replace"))
        new = {path for name in _NAMES.findall(text) if (path := bundle / name).is_file()} - found
        found |= new
        waiting += [path for path in new if path.suffix == ".js"]
    return found


if __name__ == "__main__":
    print(f"{'page':<18}{'files':>6}{'plain':>10}{'gzip':>10}{'brotli':>10}{'budget (gzip)':>16}")
    rows = [(name, size_of(name), BUDGETS_KB.get(name)) for name in PAGES]
    rows += [(f"+ {name}", size(files), ROOM_BUDGET_KB) for name, files in sorted(rooms().items())]
    for name, row, kb in rows:
        budget = f"{kb} kB" if kb else "–"
        figures = "".join(f"{bytes_ / 1000:>7.1f} kB" for bytes_ in (row.plain, row.gzip, row.brotli))
        print(f"{name:<18}{row.files:>6}{figures}{budget:>16}")
