"""The polling front end's routes, put together where they are asked for."""

from __future__ import annotations

import logging
from typing import Final

from undertone.choices import shares
from undertone.config import Settings
from undertone.store.clips import ClipStore
from undertone.store.database import Database
from undertone.store.events import Events, Moved
from undertone.store.uploads import Uploads
from undertone.web.evidence import EvidenceRoutes
from undertone.web.hub import Hub
from undertone.web.meetings import MeetingRoutes
from undertone.web.polling import OPEN, TAKES_KEY, PollingRoutes, allowed_origins
from undertone.web.uploads import Reception
from undertone.web.verdicts import Verdicts

log: Final = logging.getLogger("undertone")


def polling_routes(
    settings: Settings,
    meetings: MeetingRoutes,
    evidence: EvidenceRoutes,
    hub: Hub,
    events: Events,
    writing: Database,
    clips: ClipStore,
    moved: Moved,
    node: str,
) -> PollingRoutes | None:
    """None where nobody asked for them; what they leave open is said in the log. `writing` is the candidates' pool."""
    if not settings.polling_api:
        return None
    log.warning("%s", OPEN if settings.api_key is None else f"{OPEN}; {TAKES_KEY}")
    uploads = Uploads(writing, evidence.database, clips, moved, node, max_speed=settings.max_speed)
    _, candidates = shares(settings.database_connections)
    return PollingRoutes(
        meetings=meetings,
        evidence=evidence,
        participants=meetings.participants,
        uploads=uploads,
        audit=meetings.audit,
        authority=meetings.authority,
        reception=Reception(max(1, candidates // 2)),  # live candidates go first
        verdicts=Verdicts(hub, events, uploads),
        origins=allowed_origins(settings.origins, settings.loopback),
    )
