"""Dyte: the same calls beside each other, Basic credentials, and 201 for what was made."""

from __future__ import annotations

import base64
from typing import Final

from starlette.responses import JSONResponse, Response

from tests.standins.kit import Kit

ORG: Final = "0f3a6c2e-org"
KEY: Final = "a-dyte-key-of-these-tests"


def refuse(status: int, message: str) -> Response:
    """One shape for all errors."""
    return JSONResponse({"success": False, "error": {"code": status, "message": message}}, status)


def dyte() -> Kit:
    """An organization without meetings."""
    credentials = base64.b64encode(f"{ORG}:{KEY}".encode()).decode()
    return Kit("/v2", f"Basic {credentials}", 201, refuse)
