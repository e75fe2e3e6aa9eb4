"""Cloudflare RealtimeKit: an account, an app in it, and an API token with the permission Realtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from undertone.rooms.asking import Patience
from undertone.rooms.base import Role
from undertone.rooms.kit import KitRooms, Vendor

VENDOR: Final = Vendor(
    name="realtimekit",
    who="Cloudflare RealtimeKit",
    browser="realtime.cloudflare.com",
    key_setting="UNDERTONE_REALTIMEKIT_TOKEN",
    account_settings="UNDERTONE_REALTIMEKIT_ACCOUNT and UNDERTONE_REALTIMEKIT_APP",
    presets_setting="UNDERTONE_CANDIDATE_PRESET and UNDERTONE_PROCTOR_PRESET",
)


def realtimekit(
    base: str, account: str, app: str, token: str, presets: Mapping[Role, str], patience: Patience | None = None
) -> KitRooms:
    """Rooms of one app of one account."""
    path = f"/accounts/{quote(account, safe='')}/realtime/kit/{quote(app, safe='')}"
    return KitRooms(VENDOR, base.rstrip("/") + path, f"Bearer {token}", (token,), presets, patience)
