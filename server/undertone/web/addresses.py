"""Whom an address counts for, where something is limited by address; and whether a page that calls is our own."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers


def counted(host: str) -> str:
    """An IPv4 address, or the /64 that one IPv6 customer gets; anything else as it is."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv4Address):
        return host
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Network((int(address), 64), strict=False))


def from_here(origin: str, headers: Headers) -> bool:
    """Whether a page of this origin is our own: the host alone is compared, a proxy may have taken off the TLS."""
    try:
        host = urlsplit(origin).netloc.lower()
    except ValueError:  # a bracket too few
        return False
    return bool(host) and host == headers.get("host", "").lower()
