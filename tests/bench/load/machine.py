"""What the server takes while it runs: memory and processor, its own and PostgreSQL's, and how soon it answers."""

from __future__ import annotations

import contextlib
import http.client
import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

LOOK_EVERY_S: Final = 1.0
# The proportional size is summed up by the kernel page by page: some milliseconds for a server of 300 MB.
WEIGH_EVERY: Final = 5  # looks
ASK_EVERY_S: Final = 0.05
ANSWER_WITHIN_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Look:
    """One moment. Bytes; seconds of processor since the process began; NaN where it was not looked at."""

    at: float  # monotonic
    resident: float
    proportional: float  # shared pages counted by their share
    server_cpu_s: float
    postgres_cpu_s: float
    postgres_proportional: float


class Watch:
    """Looks once a second, in a thread of its own, at one life of the server; and asks it the whole time."""

    def __init__(self, pid: int, port: int, postgres_pid: int) -> None:
        self.looks: list[Look] = []
        self.answers_s: list[tuple[float, float]] = []  # when it was asked, how long the answer took
        self._server = psutil.Process(pid)
        self._postgres = psutil.Process(postgres_pid)
        self._port = port
        self._over = threading.Event()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """For as long as the block lasts; `stop` ends it earlier."""
        threads = [threading.Thread(target=each, daemon=True) for each in (self._look_on, self._ask_on)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.stop()
            for thread in threads:
                thread.join(ANSWER_WITHIN_S)

    def stop(self) -> None:
        """Before the server is killed."""
        self._over.set()

    def _look_on(self) -> None:
        number = 0
        while not self._over.wait(LOOK_EVERY_S):
            with contextlib.suppress(psutil.NoSuchProcess):
                self.looks.append(self._look(weigh=number % WEIGH_EVERY == 0))
            number += 1

    def _look(self, *, weigh: bool) -> Look:
        cpu = self._server.cpu_times()
        family = [self._postgres, *self._postgres.children()]
        postgres_s = postgres_bytes = 0.0
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                spent = process.cpu_times()
                postgres_s += spent.user + spent.system
                postgres_bytes += process.memory_full_info().pss if weigh else math.nan
        ended = self._postgres.cpu_times()
        return Look(
            at=time.monotonic(),
            resident=self._server.memory_info().rss,
            proportional=self._server.memory_full_info().pss if weigh else math.nan,
            server_cpu_s=cpu.user + cpu.system,
            # What its processes spent that have ended is counted with their parent.
            postgres_cpu_s=postgres_s + ended.children_user + ended.children_system,
            postgres_proportional=postgres_bytes,
        )

    def _ask_on(self) -> None:
        """What anybody would wait for an answer that costs nothing: how long the server's loop is held up."""
        line = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_WITHIN_S)
        while not self._over.wait(ASK_EVERY_S):
            began = time.monotonic()
            try:
                line.request("GET", "/healthz")
                line.getresponse().read()
            except (OSError, http.client.HTTPException):
                line.close()
                continue
            self.answers_s.append((began, time.monotonic() - began))
        line.close()


def postgres_of(data: Path) -> int:
    """The process id of the PostgreSQL in a data folder."""
    found = list(data.rglob("postmaster.pid"))
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} postmaster.pid below {data}")
    return int(found[0].read_text().split()[0])
