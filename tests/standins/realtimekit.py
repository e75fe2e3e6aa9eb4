"""Cloudflare RealtimeKit. The gateway before it answers errors as all of Cloudflare's API does."""

from __future__ import annotations

from typing import Final

from starlette.responses import JSONResponse, Response

from tests.standins.kit import Kit

ACCOUNT: Final = "023e105f4ecef8ad9ca31a8372d0c353"
APP: Final = "exam-app"
TOKEN: Final = "a-cloudflare-token-of-these-tests"


def refuse(status: int, message: str) -> Response:
    """401, 403, 404 of an account and 429 come from the gateway, the rest from RealtimeKit."""
    if status in (401, 403, 429):
        code = {401: 10000, 403: 9109, 429: 10100}[status]
        return JSONResponse({"success": False, "errors": [{"code": code, "message": message}], "result": None}, status)
    return JSONResponse({"success": False, "error": {"code": status, "message": message}}, status)


def realtimekit() -> Kit:
    """An account with one app, empty."""
    return Kit(f"/accounts/{ACCOUNT}/realtime/kit/{APP}", f"Bearer {TOKEN}", 200, refuse)
