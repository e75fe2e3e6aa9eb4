"""`make bench`: every measurement in this folder, or those whose name contains the argument."""

from __future__ import annotations

import importlib
import pkgutil
import sys

from tests import bench


def main(wanted: str) -> int:
    """Runs the `main()` of each module in turn, by name; 1 if none is called so."""
    names = [module.name for module in pkgutil.iter_modules(bench.__path__) if not module.name.startswith("_")]
    # What the measurements share stands beside them and has no `main`.
    modules = [importlib.import_module(f"{bench.__name__}.{name}") for name in names if wanted in name]
    runnable = [module for module in modules if hasattr(module, "main")]
    if not runnable:
        print(f"no measurement is called {wanted!r}; there are {', '.join(names)}", file=sys.stderr)
        return 1
    for module in runnable:
        print(f"\n=== {module.__name__.removeprefix(bench.__name__ + '.')}", flush=True)
        module.main()
    return 0


if __name__ == "__main__":
    sys.exit(main(" ".join(sys.argv[1:])))
