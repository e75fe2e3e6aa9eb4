"""`undertone serve` as a process: its port, its signals, and how it goes: first the sockets, then the rest."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
from collections.abc import Iterator, Sequence
from typing import Final

import anyio
import uvicorn
from anyio.abc import TaskGroup, TaskStatus

from undertone.app import Node, composed
from undertone.choices import check_engines, refuse_unfurnished_rooms
from undertone.config import ConfigError, Settings
from undertone.core.messages import MAX_MESSAGE_BYTES
from undertone.process import database_url, raise_open_files, signing_secrets
from undertone.web.heads import BoundedHeads
from undertone.web.lines import Line

log: Final = logging.getLogger("undertone")

# RFC 6455: pings every 15 s with 10 s to answer find the dead within 30 s.
PING_EVERY_SECONDS: Final = 15.0
PING_WITHIN_SECONDS: Final = 10.0
# A peer that stays but reads nothing keeps the 3 MB that the kernel buffered for it, and its connection, for ever, also
# after we have closed it: closing waits for what is unsent. RFC 5482; without progress for so long the kernel drops it.
UNREAD_WITHIN_MS: Final = 30_000
# Answers in progress when everything else has drained: clips of half a megabyte, to slow lines.
ANSWERS_WITHIN_SECONDS: Final = 5

# As uvicorn's websockets_sansio_impl.py says it.
INVALID_TEXT: Final = "Invalid UTF-8 sequence received from client."


class Server(uvicorn.Server):
    """uvicorn without its signal handling: on SIGTERM it would close every socket at once, with 1012 and no word."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Takes connections from now on, and says so: the one line on stdout."""
        await super().startup(sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            log.info("listening on %s port %d", host, port)
            print(f"Undertone is ready: open http://{_reachable(host)}:{port}", flush=True)  # noqa: T201


def without_traceback(record: logging.LogRecord) -> bool:
    """A filter: a text that is not UTF-8 is the peer's fault, which a line tells; uvicorn's traceback fills the log.

    By its message: the same error in a record of another is a bug of ours.
    """
    if record.msg == INVALID_TEXT:
        record.exc_info = None
    return True


def _reachable(host: str) -> str:
    """A wildcard is no place to go: this machine reaches it on its loopback."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
    return f"[{host}]" if ":" in host else host


def bind(settings: Settings) -> socket.socket:
    """The port, before anything slow begins: one that is taken is said at once. Raises ConfigError."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux; accepted sockets inherit it
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_WITHIN_MS)
            listener.bind(where)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ConfigError(
            f"can't listen on {settings.host} port {settings.port}: {error.strerror}; "
            "choose another with --port (0 takes a free one) or --host"
        ) from None
    return listener


class StoppedAtOnce(Exception):
    """A second signal: whoever waits for a database or a slow peer is not waited for."""


def run(settings: Settings) -> int:
    """The command; returns the exit code. Raises ConfigError before anything has started."""
    settings.refuse_open_doors()
    for short in settings.easily_guessed():
        log.warning("before others than this machine can reach it: %s", short)
    refuse_unfurnished_rooms(settings)
    listener = bind(settings)
    if settings.workers != 0:
        check_engines(settings)
    sockets = raise_open_files()
    secrets = signing_secrets(settings)
    stopped_at_once = False
    try:
        anyio.run(serve, settings, listener, secrets, sockets, backend_options={"use_uvloop": True})
    except* StoppedAtOnce:
        stopped_at_once = True
    return 130 if stopped_at_once else 0


async def serve(settings: Settings, listener: socket.socket, secrets: Sequence[str], sockets: int) -> None:
    """Runs until a signal: the first one drains, the second stops at once, raising StoppedAtOnce in its group."""
    async with anyio.create_task_group() as tasks:
        running = _Running(tasks)
        await tasks.start(running.obey_signals)
        async with database_url(settings) as url, composed(settings, url, secrets, sockets) as node:
            server = Server(_uvicorn(settings, node))
            logging.getLogger("uvicorn.error").addFilter(without_traceback)
            running.begun(node, server)
            try:
                await server.serve([listener])
            except BaseException:
                # Not drained: every open socket's task is cut off, and uvicorn would log each as a failure of its own.
                logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
                raise
        tasks.cancel_scope.cancel()


class _Running:
    """How far the process has come, which is what a signal acts on."""

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._node: Node | None = None
        self._server: Server | None = None

    def begun(self, node: Node, server: Server) -> None:
        self._node, self._server = node, server

    async def obey_signals(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            task_status.started()
            told = False
            async for number in signals:
                name = signal.Signals(number).name
                if told:
                    log.warning("%s again: stopping at once", name)
                    raise StoppedAtOnce
                told = True
                if self._server is None:
                    log.info("%s while starting: stopping", name)
                    self._tasks.cancel_scope.cancel()
                else:
                    log.info("%s: draining", name)
                    self._tasks.start_soon(self._drain)

    async def _drain(self) -> None:
        assert self._node is not None
        assert self._server is not None
        await self._node.drain()
        self._server.should_exit = True


def _uvicorn(settings: Settings, node: Node) -> uvicorn.Config:
    return uvicorn.Config(
        node.app,
        http=BoundedHeads,
        ws=Line,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=PING_EVERY_SECONDS,
        ws_ping_timeout=PING_WITHIN_SECONDS,
        ws_per_message_deflate=False,  # MP3 does not shrink, and a window a socket costs more memory than its audio
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=ANSWERS_WITHIN_SECONDS,
    )
