"""How the text of a setting is read: each reader takes what somebody wrote, and says what would be right instead.

A reader raises ValueError with one line for people. None of them repeats what it was given where that may be private.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from undertone.diarize import specification

# RFC 7518 section 3.2: a key for HS256 has at least the size of its hash, 256 bits.
MIN_SECRET_CHARACTERS: Final = 32
MIN_API_KEY_CHARACTERS: Final = 16  # nobody guesses 16 random characters over a network
MAKER: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"


def whole(low: int, high: int) -> Callable[[str], int]:
    """Reads a whole number within bounds."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            raise ValueError(f"a whole number from {low} to {high} is needed")
        return value

    return read


def speed(text: str) -> float:
    """Times real time."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 10_000:
        raise ValueError("a number from 0 to 10000 is needed: times real time, 0 for no limit")
    return value


def one_of(*known: str) -> Callable[[str], str]:
    """Reads one of the known words, whatever its case."""

    def read(text: str) -> str:
        if text.lower() not in known:
            raise ValueError(f"one of {', '.join(known)} is needed")
        return text.lower()

    return read


def engines(text: str) -> str:
    """Which engines hear, in the one spelling that there is of it."""
    return str(specification.parse(text))


def distance(text: str) -> float:
    """Between two voices: a cosine distance."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= 2:
        raise ValueError("a number above 0 and up to 2 is needed")
    return value


def token(text: str) -> str:
    """A vendor's key, which goes into a header."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("ASCII characters without spaces are needed: copy the key alone")
    return text


def word(text: str) -> str:
    """One word of letters, digits and hyphens."""
    if not text.isascii() or not text.replace("-", "").isalnum():
        raise ValueError("letters, digits and hyphens are needed, such as de or en-GB")
    return text


def switch(text: str) -> bool:
    """1 or 0."""
    if text not in ("0", "1"):
        raise ValueError("1 (on) or 0 (off) is needed")
    return text == "1"


def secrets(text: str) -> tuple[str, ...]:
    """What signs tokens, the signing one first."""
    return tuple(secret.strip() for secret in text.split(",") if secret.strip())


def api_key(text: str) -> str:
    """A key that goes into a header."""
    if not text.isascii() or any(c.isspace() for c in text):
        raise ValueError(f"ASCII characters and no spaces are needed; make one with {MAKER}")
    return text


def origin(text: str) -> str:
    """One web origin, as browsers send it."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query or parts.fragment:
        raise ValueError(f"{text!r} is no origin: scheme, host and port alone, such as https://exams.example.org")
    return f"{parts.scheme}://{parts.netloc}".lower()


def origins(text: str) -> tuple[str, ...]:
    """A list of web origins."""
    return tuple(origin(part.strip().removesuffix("/")) for part in text.split(",") if part.strip())


# Of all names that other programs have for these, one each.
CLIP_SCHEMES: Final = ("s3", "gs", "az")


def clips(text: str) -> Path | str:
    """A folder, or a bucket and a prefix in it."""
    if "://" not in text:
        return Path(text)
    parts = urlsplit(text)
    if parts.scheme not in CLIP_SCHEMES or not parts.netloc or set("@:?#") & set(text.partition("://")[2]):
        raise ValueError("a folder is needed, or s3://bucket/prefix, gs://bucket/prefix or az://container/prefix")
    return text.rstrip("/")


def endpoint(text: str) -> str:
    """Where a service answers."""
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or "@" in text:
        raise ValueError("an address without credentials is needed, such as https://ACCOUNT.r2.cloudflarestorage.com")
    return text.rstrip("/")


def url(text: str) -> str:
    """An address that people open."""
    if not _is_url(text):
        raise ValueError("the address people open is needed, such as https://undertone.example.org")
    return text.rstrip("/")


def service_url(example: str) -> Callable[[str], str]:
    """Reads the address of a service that we call."""

    def read(text: str) -> str:
        if not _is_url(text):
            raise ValueError(f"the address of a service without credentials is needed, such as {example}")
        return text.rstrip("/")

    return read


def server_url(example: str) -> Callable[[str], str]:
    """Reads the address of a server that is called and that sockets are opened to."""

    def read(text: str) -> str:
        parts = urlsplit(text)
        if parts.scheme not in ("ws", "wss", "http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"the address of a server is needed, such as {example}")
        if "@" in parts.netloc:  # browsers are told it
            raise ValueError(f"an address without credentials is needed, such as {example}")
        return text.rstrip("/")

    return read


def _is_url(text: str) -> bool:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        return False
    return "@" not in parts.netloc  # addresses are logged, and shown


def addresses(text: str) -> tuple[str, ...]:
    """IP addresses and networks."""
    found = tuple(part.strip() for part in text.split(",") if part.strip())
    for address in found:
        try:
            ipaddress.ip_network(address, strict=False)
        except ValueError:
            raise ValueError(f"{address!r} is neither an IP address nor a network such as 10.0.0.0/8") from None
    return found
