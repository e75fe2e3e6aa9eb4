"""What is installed from a wheel has its pages, and what is unpacked from a source archive can build them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from undertone.app import BUNDLE
from undertone.web.static import read_bundle

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.slow


def build(target: str, into: Path) -> Path:
    """By the backend itself, offline."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(into)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    [made] = into.iterdir()
    return made


def test_the_wheel_carries_the_pages_as_they_were_built(tmp_path: Path) -> None:
    with zipfile.ZipFile(build("wheel", tmp_path / "dist")) as wheel:
        wheel.extractall(tmp_path / "installed")
        names = wheel.namelist()
    bundle = read_bundle(tmp_path / "installed" / "undertone" / "web" / "bundle")
    assert bundle is not None
    assert bundle == read_bundle(BUNDLE)
    assert {"home", "join", "watch"} <= set(bundle.pages)
    assert all({"br", "gzip"} <= set(file.forms) for file in bundle.files.values())
    assert not [name for name in names if "node_modules" in name or name.endswith((".ts", "package.json"))]


def test_the_source_archive_carries_what_they_are_built_from(tmp_path: Path) -> None:
    with tarfile.open(build("sdist", tmp_path)) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    source = {"package.json", "package-lock.json", "tsconfig.json", "build/build.ts", "src/pages/home.ts"}
    assert {f"client/browser/{name}" for name in source} <= names
    assert f"server/undertone/web/bundle/{next(BUNDLE.glob('home-*.js')).name}" in names
    assert not [name for name in names if "node_modules" in name or name.startswith("client/browser/dist")]
