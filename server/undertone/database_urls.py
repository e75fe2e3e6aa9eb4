"""How the URL of a database is read: what hosted PostgreSQL's consoles print, checked before anything is asked of it.

The options are libpq's (PostgreSQL documentation, "Database Connection Control Functions",
https://www.postgresql.org/docs/current/libpq-connect.html). asyncpg reads most of them; what it does not know it would
send to the server as a parameter, which then refuses the connection in words that nobody understands.
"""

from __future__ import annotations

import os
import re
import ssl
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlencode, urlsplit

import certifi

NEEDED: Final = "a URL of a PostgreSQL database is needed: postgresql://user:password@host/database"
# Of what was given nothing is repeated: urllib's and asyncpg's own words would hold pieces of the password.
UNREADABLE: Final = (
    "it can't be read: in a password write / ? # [ ] @ : and what is not ASCII percent-encoded (/ is %2F); "
    "a port is a number, and nothing follows a #"
)
SSL_MODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
FILES: Final = ("sslrootcert", "sslcert", "sslkey", "sslcrl", "passfile")
# `options` carries settings of the server, and which compute is meant where a host is shared.
KNOWN: Final = frozenset(
    {
        *("sslmode", "sslnegotiation", "sslpassword", "ssl_min_protocol_version", "ssl_max_protocol_version", *FILES),
        *("host", "port", "user", "password", "dbname", "target_session_attrs", "options", "application_name"),
        *("krbsrvname", "gsslib"),
    }
)
# Of those that a comma parts: a name or an address, and a port or none.
_HOST: Final = re.compile(r"(?:\[[^\[\]]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?")
_OF_THE_USER: Final = Path("~/.postgresql/root.crt")
# Where systems keep the authorities that they trust, if Python was not told by its build.
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)


def database_url(text: str) -> str:
    """A PostgreSQL URL as asyncpg reads it; `postgres:` is the same scheme. Raises ValueError, without the password."""
    parts = _split(text)
    if parts.scheme not in ("postgresql", "postgres") or not parts.path.strip("/"):
        raise ValueError(NEEDED)
    try:
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        raise ValueError("what follows the ? must be name=value, joined by &") from None
    _check(options)
    return parts._replace(scheme="postgresql", query=urlencode(options)).geturl()


def _split(text: str) -> SplitResult:
    """Raises ValueError where asyncpg would read something else than was meant, or fail in words that tell too much."""
    try:
        parts = urlsplit(text)
    except ValueError:
        raise ValueError(UNREADABLE) from None
    # asyncpg takes the first @ for the end of the password, and what is behind it for a host.
    who, at, hosts = parts.netloc.rpartition("@")
    read = [_HOST.fullmatch(host) for host in hosts.split(",")] if hosts else []
    ports_fit = all(host is not None and int(host[1] or 0) <= 65535 for host in read)
    if "#" in text or "@" in who or (not at and "@" in parts.path) or not ports_fit:
        raise ValueError(UNREADABLE)
    return parts


def _check(options: dict[str, str]) -> None:
    """Raises ValueError for what can't be kept; mends what is only written otherwise."""
    if options.get("sslrootcert") == "system" and options.setdefault("sslmode", "verify-full") != "verify-full":
        raise ValueError("sslrootcert=system takes sslmode=verify-full")  # as in libpq: the others would not look
    mode = options.get("sslmode", "prefer")
    if mode not in SSL_MODES:
        raise ValueError(f"sslmode must be one of {', '.join(SSL_MODES)}")
    binding = options.pop("channel_binding", "prefer")
    # It is there to keep out whoever stands between, and the certificate's name does that too.
    if binding == "require" and mode != "verify-full":
        raise ValueError("channel_binding=require is not spoken here: write sslmode=verify-full instead of both")
    unknown = sorted(set(options) - KNOWN)
    if unknown:
        raise ValueError(
            f"the option {unknown[0]} is not known here: leave it out, or, if it is a setting of the server's, "
            f"write options=-c%20{unknown[0]}%3D…"
        )
    named = "sslrootcert" in options or "PGSSLROOTCERT" in os.environ or _OF_THE_USER.expanduser().exists()
    if options.get("sslrootcert") == "system" or (mode.startswith("verify") and not named):
        options["sslrootcert"] = trusted_authorities()
    for name in FILES:
        if name in options and not Path(options[name]).expanduser().is_file():
            raise ValueError(f"{name} names no file that can be read here")


def trusted_authorities() -> str:
    """The file of certificates that this machine trusts, or those that come with Python's packages."""
    told = ssl.get_default_verify_paths().cafile
    return next((path for path in (told, *_BUNDLES) if path and Path(path).is_file()), certifi.where())
