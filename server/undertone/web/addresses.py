"""Whom an address counts for, where something is limited by address."""

from __future__ import annotations

import ipaddress


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
