"""What a candidate-second costs on its way from the socket into the clip store and the database, and what it weighs.

Real MP3 at 8 kB a second in four messages, beside a bare starlette application that reads the same messages and throws
them away. Sent four times as fast as life, which changes nothing for a server that counts samples and not seconds; each
round brings every candidate past the end of a window. The server's own process is counted, threads included;
PostgreSQL's are not.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import orjson
import psutil

import undertone_client
from tests.bench.bare import bare_server
from tests.bench.clients import MESSAGE_BYTES, MESSAGE_S, Clients, Crowd, clients
from tests.serving import running_server
from undertone.store import embedded

CANDIDATES: Final = 300
WARM_UP: Final = 10  # sockets before anything is weighed
ROUNDS: Final = 3
ROUND_S: Final = 60  # of sound: one window each
SPEED: Final = 4.0
WEIGHED_AFTER_S: Final = 30  # of sound: half a window is held

CPU_TARGET: Final = 3.0
KIB_TARGET: Final = 80


@dataclass(frozen=True, slots=True)
class Side:
    """A server under test: its process, and where its candidates go with which first messages."""

    name: str
    process: psutil.Process
    port: int
    path: str
    hellos: list[str]


def main() -> None:
    """Prints the figures and how they stand to the targets."""
    folder = Path(tempfile.mkdtemp(prefix="undertone-bench-"))
    folder.chmod(0o711)
    try:
        with (
            embedded.start(folder / "database") as postgres,
            running_server(folder, database_url=postgres.dsn, env={"UNDERTONE_MAX_SPEED": "0"}) as server,
            bare_server() as (bare_process, bare_port),
        ):
            bare = Side("bare", bare_process, bare_port, "/", ["hello"] * CANDIDATES)
            ours = Side("undertone", psutil.Process(server.pid), server.port, "/stream", _hellos(server.url))
            _measure(bare, ours)
    finally:
        shutil.rmtree(folder)


def _hellos(url: str) -> list[str]:
    with httpx.Client(base_url=url, trust_env=False) as http:
        made = http.post("/meetings", json={"title": "ingest"}).json()
        path, credential = f"/meetings/{made['data']['id']}/participants", made["join_secret"]
        tokens = [
            http.post(path, json={"name": f"{n}"}, headers={"Authorization": f"Bearer {credential}"}).json()["data"][
                "token"
            ]
            for n in range(CANDIDATES)
        ]
    return [orjson.dumps({"type": "hello", "token": token}).decode() for token in tokens]


def _measure(bare: Side, ours: Side) -> None:
    mp3 = (Path(undertone_client.__file__).parent / "samples" / "two-voices.mp3").read_bytes()
    with contextlib.ExitStack() as stack:
        sides = [
            (side, stack.enter_context(clients(Crowd(side.port, side.path, side.hellos, mp3, SPEED))))
            for side in (bare, ours)
        ]
        kib = {side.name: _weigh(side, crowd) for side, crowd in sides}
        costs: dict[str, list[float]] = {side.name: [] for side, _ in sides}
        for number in range(ROUNDS):
            for side, crowd in sides:
                before = side.process.cpu_times()
                crowd.ask(("send", ROUND_S))
                due = CANDIDATES * (number + 1) if side is ours else 0
                stored = crowd.ask(("stored", due))
                after = side.process.cpu_times()
                assert stored == due, f"{stored} of {due} windows were stored"
                used_s = after.user + after.system - before.user - before.system
                costs[side.name].append(used_s / CANDIDATES / ROUND_S * 1e6)
    _print(costs["bare"], costs["undertone"], kib["bare"], kib["undertone"])


def _weigh(side: Side, crowd: Clients) -> float:
    """KiB of resident memory for one more streaming candidate, without the bytes of audio that the server holds."""
    crowd.ask(("connect", WARM_UP))
    crowd.ask(("send", 1))
    before = side.process.memory_info().rss
    crowd.ask(("connect", CANDIDATES - WARM_UP))
    crowd.ask(("send", WEIGHED_AFTER_S))
    grown = side.process.memory_info().rss - before
    audio = CANDIDATES * WEIGHED_AFTER_S / MESSAGE_S * MESSAGE_BYTES if side.hellos[0] != "hello" else 0
    return (grown - audio) / 1024 / (CANDIDATES - WARM_UP)


def _print(bare: list[float], ours: list[float], bare_kib: float, our_kib: float) -> None:
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    ratio = statistics.median(ratios)
    print(f"{CANDIDATES} candidates, {ROUND_S} s of sound a round, {ROUNDS} rounds in turn; {os.cpu_count()} cores")
    print("CPU of the server for one candidate-second (median, and each round):")
    for name, costs in (("bare read", bare), ("undertone", ours)):
        each = " ".join(f"{cost:.0f}" for cost in costs)
        print(f"  {name:10} {statistics.median(costs):6.0f} µs   ({each})")
    each = " ".join(f"{each:.2f}" for each in ratios)
    print(f"  ratio      {ratio:6.2f} ({each})   target {CPU_TARGET:g}: {_verdict(ratio <= CPU_TARGET)}")
    print("resident memory of one streaming candidate, besides the audio it holds:")
    print(f"  bare read  {bare_kib:6.1f} KiB")
    print(f"  undertone  {our_kib:6.1f} KiB   target {KIB_TARGET}: {_verdict(our_kib <= KIB_TARGET)}")


def _verdict(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    main()
