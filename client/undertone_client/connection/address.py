"""Where a server is, said as people say it (`http://…`), and as sockets want it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Final, Literal
from urllib.parse import urlsplit, urlunsplit

_SOCKET_SCHEME: Final = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_HTTP_SCHEME: Final = {"http": "http", "https": "https", "ws": "http", "wss": "https"}

# "environment", a proxy's address, or None for none.
Proxy = str | None
ENVIRONMENT: Final = "environment"

# A server's address → the host and port to open the line to in its place; Host header, TLS and path stay the server's.
Dial = Callable[[str], Awaitable[tuple[str, int]]]


def socket_url(server: str, path: str) -> str:
    """The WebSocket address of `path` on a server given as http(s):// or ws(s)://. ValueError for anything else."""
    return _with(server, _SOCKET_SCHEME, path)


def http_url(server: str) -> str:
    """The server's HTTP address, without a slash at its end."""
    return _with(server, _HTTP_SCHEME, "")


def each(server: str | Sequence[str]) -> tuple[str, ...]:
    """The addresses of one service: of several nodes behind no balancer, any will do. ValueError if there is none."""
    servers = (server,) if isinstance(server, str) else tuple(server)
    if not servers:
        raise ValueError("no server: say at least one, as http://host:port or https://host")
    return servers


def is_loopback(server: str) -> bool:
    """Whether the address means this very machine."""
    host = urlsplit(server).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def proxy_for(server: str) -> Literal[True] | None:
    """As the environment says (`https_proxy`, `no_proxy`), but for loopback, which no proxy can reach."""
    return None if is_loopback(server) else True


def _with(server: str, schemes: dict[str, str], path: str) -> str:
    parts = urlsplit(server)
    scheme = schemes.get(parts.scheme)
    if scheme is None or not parts.hostname:
        raise ValueError(f"{server!r} is no server: say it as http://host:port or https://host")
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + path, "", ""))
