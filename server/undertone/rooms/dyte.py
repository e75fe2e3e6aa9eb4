"""Dyte, for accounts that have not moved to Cloudflare: an organization and its API key."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Final

from undertone.rooms.asking import Patience
from undertone.rooms.base import Role
from undertone.rooms.kit import KitRooms, Vendor

VENDOR: Final = Vendor(
    name="dyte",
    who="Dyte",
    browser="dyte.io",
    key_setting="UNDERTONE_DYTE_ORG and UNDERTONE_DYTE_KEY",
    account_settings="UNDERTONE_DYTE_ORG and UNDERTONE_DYTE_KEY",
    presets_setting="UNDERTONE_CANDIDATE_PRESET and UNDERTONE_PROCTOR_PRESET",
)


def dyte(base: str, org: str, key: str, presets: Mapping[Role, str], patience: Patience | None = None) -> KitRooms:
    """Rooms of one organization."""
    credentials = base64.b64encode(f"{org}:{key}".encode()).decode()
    return KitRooms(VENDOR, base, f"Basic {credentials}", (key, credentials), presets, patience)
