"""The rules of the tree: which way imports point, who constructs, what stays pure, and what has no place here."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from undertone.core.typescript import MODULE as GENERATED

ROOT = Path(__file__).resolve().parent.parent
SERVER = ROOT / "server" / "undertone"
CLIENT = ROOT / "client" / "undertone_client"

# What each part may import of ours, besides itself. A part is a folder; modules beside the folders compose them.
MAY_IMPORT = {
    "core": set(),
    "store": {"core"},
    "diarize": {"core"},
    "rooms": {"core"},
    "web": {"core", "store", "diarize", "rooms"},
    "worker": {"core", "store", "diarize", "rooms"},
    "client": {"core"},
}
MODULES = sorted([*SERVER.rglob("*.py"), *CLIENT.rglob("*.py")])
# Libraries with an outside, and the parts that speak to it ("" is the composition).
BELONGS_TO = {
    "databases": {"store"},
    "asyncpg": {"store"},
    "obstore": {"store"},
    "psutil": {"store"},
    "starlette": {"web", ""},
    "uvicorn": {"web", ""},
    "websockets": {"client"},
    "onnxruntime": {"diarize"},
    "sherpa_onnx": {"diarize"},
    "httpx": {"diarize", "rooms", "client"},
    "av": {"diarize", "client"},  # `simulate` plays what it was pushed
}
# Core takes time as `now`, randomness and bytes as arguments, and returns what is to be done.
IMPURE = {
    *("anyio", "asyncio", "concurrent", "ctypes", "fcntl", "glob", "http", "httpx", "io", "logging", "mmap"),
    *("multiprocessing", "os", "pathlib", "platform", "random", "requests", "secrets", "select", "selectors"),
    *("shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "time", "uuid"),
}
IMPURE_CALLS = {"open", "print", "input", "datetime.now", "datetime.utcnow", "datetime.today", "date.today"}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def part(path: Path) -> str:
    """`core`, `store`, …, `client`, or "" for the modules that compose them."""
    if path.is_relative_to(CLIENT):
        return "client"
    inside = path.relative_to(SERVER)
    return inside.parts[0] if len(inside.parts) > 1 else ""


def part_of_module(name: str) -> str | None:
    """The part that a dotted name belongs to; None for other people's."""
    match name.split("."):
        case ["undertone_client", *_]:
            return "client"
        case ["undertone", first, *_] if (SERVER / first).is_dir():
            return first
        case ["undertone", *_]:
            return ""
    return None


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything imported, at the top or later."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            # `from undertone import core` names a part only together with what it imports.
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def name_of(node: ast.expr) -> str:
    """`datetime.now` for `datetime.now` and `datetime.datetime.now` alike."""
    return ".".join(ast.unparse(node).split(".")[-2:])


def services() -> dict[str, str]:
    """Classes that hold something open, by the part they are from: an `__init__`, and neither value nor error."""
    found = {}
    for path in MODULES:
        if part(path) in {"store", "diarize", "rooms"}:
            for node in ast.walk(tree(path)):
                if isinstance(node, ast.ClassDef) and not any("Error" in ast.unparse(base) for base in node.bases):
                    names = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
                    if "__init__" in names:
                        found[node.name] = part(path)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_point_one_way(path: Path) -> None:
    here = part(path)
    if here:  # the composition imports everything
        wrong = [
            f"line {line}: {name}"
            for line, name in imports(path)
            if (there := part_of_module(name)) is not None and there != here and there not in MAY_IMPORT[here]
        ]
        assert not wrong, f"{here} may import {sorted(MAY_IMPORT[here]) or 'nothing'} of ours"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_library_with_an_outside_stays_in_its_part(path: Path) -> None:
    wrong = [
        f"line {line}: {name}"
        for line, name in imports(path)
        if part(path) not in BELONGS_TO.get(name.split(".")[0], {part(path)})
    ]
    assert not wrong


@pytest.mark.parametrize("path", sorted((SERVER / "core").rglob("*.py")), ids=lambda path: path.stem)
def test_the_core_is_pure(path: Path) -> None:
    wrong = [f"line {line}: {name}" for line, name in imports(path) if name.split(".")[0] in IMPURE]
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    wrong += [f"line {call.lineno}: {name_of(call.func)}" for call in calls if name_of(call.func) in IMPURE_CALLS]
    assert not wrong


@pytest.mark.parametrize("path", sorted((SERVER / "web").rglob("*.py")), ids=lambda path: path.stem)
def test_the_web_is_handed_what_it_uses(path: Path) -> None:
    made_elsewhere = services()
    assert made_elsewhere, "store, diarize and rooms have services"
    calls = [node for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    wrong = [
        f"line {call.lineno}: {ast.unparse(call.func)} of {made_elsewhere[name]}"
        for call in calls
        if (name := ast.unparse(call.func).split(".")[-1]) in made_elsewhere
    ]
    assert not wrong, "app.py and worker/ construct"


def sources() -> Iterator[Path]:
    """Every file of the tree that people write: not what was installed, cached or recorded beside it."""
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":  # in a worktree a file, which says where the repository is
            yield path
    for folder in ("server", "client", "tests", "docs", "deploy", "scripts", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.is_file() and not {"__pycache__", "node_modules", "dist", "bundle"} & set(path.parts):
                yield path


def texts() -> Iterator[tuple[Path, str]]:
    for path in sources():
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode(errors="replace")


@pytest.mark.parametrize("folder", ["server", "client"])
def test_no_module_is_past_300_lines(folder: str) -> None:
    modules = [path for path in sources() if path.suffix in {".py", ".ts"} and path.is_relative_to(ROOT / folder)]
    lines = {path: path.read_text().count("\n") for path in modules if path != ROOT / GENERATED}
    long = {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > 300}
    assert not long, "each wants splitting by subject"


# Put together here, so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?<![\w.*~}-])/(?:" + "|".join(["w" + "ork", "t" + "mp", "f" + "arm"]) + r")(?![\w-])")
REGISTRY = re.compile(r"py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.(?:org|com)", re.IGNORECASE)


@pytest.mark.parametrize("pattern", [MACHINE_PATH, REGISTRY], ids=["paths of one machine", "registry hosts"])
def test_the_tree_names_no(pattern: re.Pattern[str]) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found


def locked(name: str) -> dict[str, str]:
    pins = re.findall(r"^([a-z0-9-]+)==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE)
    return dict(pins)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    for lock, wanted in (
        ("requirements.lock", [*project["dependencies"], *extras["build"]]),
        ("requirements-dev.lock", [*project["dependencies"], *extras["dev"], *extras["train"]]),
    ):
        pins = locked(lock)
        stale = [
            text
            for text in wanted
            if (asked := Requirement(text)).name not in pins or not asked.specifier.contains(pins[asked.name])
        ]
        assert not stale, f"{lock} is older than pyproject.toml: make lock"


def test_what_serves_is_what_was_tested() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-dev.lock").items()


def test_every_locked_file_has_its_hash_and_no_address() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert "://" not in text
        for entry in re.split(r"\n(?=[a-z])", text)[1:]:
            assert "--hash=sha256:" in entry, entry
    assert '"resolved"' not in (ROOT / "client" / "browser" / "package-lock.json").read_text()
