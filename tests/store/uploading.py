"""Uploads, as a node keeps them."""

from __future__ import annotations

from pathlib import Path

import anyio

from tests.store.tab import Store
from undertone.core.uploads import UploadCutter
from undertone.core.window import WindowClosed
from undertone.store.clips import ClipStore
from undertone.store.database import Database
from undertone.store.uploads import Kept, Uploads


def cut(data: bytes) -> list[WindowClosed]:
    cutter = UploadCutter()
    cutter.feed(data)
    return cutter.finish()


def uploads(store: Store, database: Database | None = None, patience_s: float = 0.0) -> Uploads:
    return uploads_to(store, store.clips, database, patience_s)


def uploads_to(store: Store, clips: ClipStore, database: Database | None = None, patience_s: float = 0.0) -> Uploads:
    writing, moved = database or store.database, store.moved.append
    return Uploads(writing, store.database, clips, moved, "node-a", max_speed=0, patience_s=patience_s)


async def keep(these: Uploads, data: bytes, participant: str = "p") -> Kept:
    return await these.keep("m", participant, cut(data), len(data), anyio.current_time())


def files(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*.mp3")]
