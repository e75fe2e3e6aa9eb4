"""The browser that tests run in: a Chromium found on this machine; `python -m tests.browser.find --install` gets one.

UNDERTONE_CHROMIUM names one. Otherwise the usual names are looked up, then what `--install` may have left in the
environment's own folder: nothing is put outside this folder unless root asks Debian's packages for it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = (
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)  # fmt: skip
OWN: Final = Path(sys.prefix) / "browsers"
MISSING: Final = "no Chromium on this machine: run `make browser`, or set UNDERTONE_CHROMIUM to one"


def chromium() -> str | None:
    """Path of the one to use."""
    named = os.environ.get("UNDERTONE_CHROMIUM")
    if named:
        return named
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or next((str(path) for path in sorted(OWN.glob("chromium-*/chrome-*/chrome"))), None)


def firefox() -> str | None:
    """Path of the one to use."""
    return next((path for name in ("firefox-esr", "firefox") if (path := shutil.which(name))), None)


def install() -> None:
    """From Debian's packages as root, otherwise Playwright's build into the environment. Raises CalledProcessError."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print("· no Chromium here: installing Debian's", flush=True)
        install_packages("chromium")
    else:
        print(f"· no Chromium here: installing Playwright's into {OWN}", flush=True)
        where = {**os.environ, "PLAYWRIGHT_BROWSERS_PATH": str(OWN)}
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], env=where, check=True)


def install_packages(*names: str) -> None:
    """Debian's. Raises CalledProcessError."""
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    get = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *names]
    if subprocess.run(get, env=quiet, stdout=subprocess.DEVNULL).returncode:  # the lists may be old
        subprocess.run(["apt-get", "update", "--quiet"], env=quiet, stdout=subprocess.DEVNULL, check=True)
        subprocess.run(get, env=quiet, stdout=subprocess.DEVNULL, check=True)


def main() -> None:
    """Says what is missing, and exits with 1; installs it first, if that is wanted."""
    if "--install-firefox" in sys.argv:
        if not (firefox() and shutil.which("pulseaudio")) and os.geteuid() == 0 and shutil.which("apt-get"):
            install_packages("firefox-esr", "pulseaudio")
        if not (firefox() and shutil.which("pulseaudio")):
            sys.exit("install Firefox and PulseAudio; nobody but root can, from Debian's packages")
        return
    if "--install" in sys.argv and chromium() is None:
        install()
    if chromium() is None:
        sys.exit(MISSING)


if __name__ == "__main__":
    main()
