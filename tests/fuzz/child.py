"""The process in which libFuzzer runs one target: `python -m tests.fuzz.child TARGET [options of libFuzzer's]`.

Only `undertone.core` is instrumented, so that coverage is of what is tried.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Final

import atheris

with atheris.instrument_imports(include=["undertone.core"]):
    from tests.fuzz.targets import TARGETS

# No input may take longer, of the processor: other work of the machine is not its fault.
LONGEST_S: Final = 1.0


def watched(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The target, which tells each time that an input takes longer than all before."""
    slowest_s = 0.0

    def run(data: bytes) -> None:
        nonlocal slowest_s
        begin = time.process_time()
        target(data)
        took_s = time.process_time() - begin
        if took_s > slowest_s:
            slowest_s = took_s
            print(f"slowest: {1000 * took_s:.1f} ms", file=sys.stderr, flush=True)
            assert took_s <= LONGEST_S, f"{took_s:.2f} s for {len(data)} bytes"

    return run


if __name__ == "__main__":
    name = sys.argv.pop(1)
    atheris.Setup(sys.argv, watched(TARGETS[name]))
    atheris.Fuzz()
