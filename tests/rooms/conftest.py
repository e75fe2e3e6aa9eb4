"""Vendors that run for all tests here, empty and well at each test's start."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.rooms.vendors import Vendor, every_vendor


@pytest.fixture(scope="session")
def running_vendors() -> Iterator[dict[str, Vendor]]:
    with every_vendor() as vendors:
        yield vendors


@pytest.fixture
def vendors(running_vendors: dict[str, Vendor]) -> dict[str, Vendor]:
    for vendor in running_vendors.values():
        vendor.account.forget()
    return running_vendors


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"
