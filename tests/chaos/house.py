"""The processes that a schedule may kill: two nodes and two workers on one PostgreSQL and one folder."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from tests.serving import Server, prepared_server, prepared_worker
from undertone.store import embedded
from undertone_client.harness import Kill

# A token lives so long: in a schedule of some 20 s each is renewed at least once.
TOKEN_SECONDS: Final = "15"
# A process that was told to stop drains for at most 20 s; here nobody waits for it longer than this.
DRAINED_WITHIN_S: Final = 6.0


@dataclass
class House:
    """Everything that runs, and its folder."""

    postgres: embedded.EmbeddedPostgres
    folder: Path
    nodes: Sequence[Server]
    workers: Sequence[Server]
    _starting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def servers(self) -> list[str]:
        return [node.url for node in self.nodes]

    def kills(self, seed: int) -> tuple[Kill, ...]:
        """Which processes die in a schedule, and how: each node and worker in most, the database in a third."""
        random = Random(f"house {seed}")
        kills = [
            Kill(
                target=lambda process=process: process.pid,  # type: ignore[misc]
                every_s=random.uniform(4, 12),
                signal=random.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP]),
                for_s=random.uniform(1, 3),
                restart=lambda process=process: self._start_again(process),  # type: ignore[misc]
                name=name,
                servers=[process.url] if process in self.nodes else [],
            )
            for name, process in self._named()
            if random.random() < 0.8
        ]
        if random.random() < 1 / 3:
            kills.append(
                Kill(target=self._postmaster, every_s=9, restart=self.postgres.ensure_running, name="the database")
            )
        return tuple(kills)

    def mend(self) -> None:
        """Everything runs again, whatever the last schedule left: it is part of the next one's beginning."""
        self.postgres.ensure_running()
        for _, process in self._named():
            if process.process is None or process.process.poll() is not None:
                process.start()

    def _start_again(self, process: Server) -> None:
        """After it was killed, or told to go."""
        assert process.process is not None
        try:
            process.wait(DRAINED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
        with self._starting:  # two that start at once on two busy cores take longer than one after the other
            process.start()

    def _named(self) -> list[tuple[str, Server]]:
        return [
            *((f"node {number}", node) for number, node in enumerate(self.nodes, 1)),
            *((f"worker {number}", worker) for number, worker in enumerate(self.workers, 1)),
        ]

    def _postmaster(self) -> int:
        return int((self.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])


@contextlib.contextmanager
def open_house(folder: Path) -> Iterator[House]:
    """`folder` must be within the reach of whom root runs PostgreSQL as (`data_dir`)."""
    env = {
        "UNDERTONE_MAX_SPEED": "0",
        "UNDERTONE_CANDIDATE_TOKEN_SECONDS": TOKEN_SECONDS,
        "UNDERTONE_PROCTOR_TOKEN_SECONDS": TOKEN_SECONDS,
        "UNDERTONE_SECRET": "one-secret-for-both-nodes-of-this-house",
    }
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(embedded.start(folder, durable=False))
        nodes = [
            prepared_server(folder, database_url=postgres.dsn, env=env, log=f"node-{number}.log") for number in (1, 2)
        ]
        workers = [
            prepared_worker(folder, database_url=postgres.dsn, env=env, log=f"worker-{number}.log") for number in (1, 2)
        ]
        house = House(postgres, folder, nodes, workers)
        for process in [*nodes, *workers]:
            stack.callback(end, process)
            process.start()
        yield house


def end(process: Server) -> None:
    """It may stand still from a STOP that the run's end came before."""
    if process.process is not None and process.process.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
        process.kill()
    process.end()
