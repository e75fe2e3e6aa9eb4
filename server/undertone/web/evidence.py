"""What proctors read over HTTP: events, anomalies and reviews, clips and links to them. Nothing here is ever cached."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from undertone.core.errors import NotFound
from undertone.core.requests import (
    DEFAULT_EVENTS,
    MAX_EVENTS,
    AnomalyList,
    EventsHead,
    GiveReview,
    LinkIssued,
)
from undertone.core.times import rfc3339
from undertone.store.audit import Audit
from undertone.store.clips import ClipStore, clip_object
from undertone.store.database import Database
from undertone.store.events import Events
from undertone.store.evidence import Clip, find_clip
from undertone.store.reviews import Reviews
from undertone.store.snapshot import list_anomalies
from undertone.web.auth import Authority, Proctor
from undertone.web.bodies import address, answer, base_url, bearer, parameter, read_json, whole_number
from undertone.web.calls import routes
from undertone.web.links import LINK_SECONDS, Links
from undertone.web.problems import HttpFault
from undertone.web.ranges import Range, Unsatisfiable, read_range
from undertone.web.tokens import well_formed

# {participant}-{stream}-{number}-{random}: what can't be one is looked up nowhere.
_CLIP_ID: Final = re.compile(r"[0-9A-Za-z_-]{1,120}")
# Ids of events are exact JSON numbers.
MAX_ID: Final = 2**53 - 1


@dataclass(frozen=True, slots=True)
class EvidenceRoutes:
    """What the calls need, and the calls."""

    database: Database
    clips: ClipStore
    events: Events
    reviews: Reviews
    audit: Audit
    authority: Authority
    links: Links
    public_url: str | None

    def routes(self) -> list[Route]:
        """All of them."""
        clip = "/meetings/{meeting}/clips/{clip}"
        return routes(
            [
                ("GET", "/meetings/{meeting}/events", self.list_events),
                ("GET", "/meetings/{meeting}/anomalies", self.list_anomalies),
                ("POST", "/meetings/{meeting}/anomalies/{anomaly}/review", self.review),
                ("GET", clip, self.play),
                ("POST", clip + "/link", self.link),
            ]
        )

    async def list_events(self, request: Request) -> Response:
        meeting = (await self._proctor(request))[0]
        after = whole_number(request, "after", 0, 0, MAX_ID)
        limit = whole_number(request, "limit", DEFAULT_EVENTS, 1, MAX_EVENTS)
        epoch = parameter(request, "epoch")
        page = await self.events.listing(meeting, after, limit)
        recovered = page is not None and (
            epoch in (None, page.position.epoch) and page.position.trimmed_to <= after <= page.position.last_id
        )
        if not recovered and after:
            page = await self.events.listing(meeting, 0, limit)
        if page is None:
            raise NotFound("no such meeting")
        head = EventsHead(epoch=page.position.epoch, last_id=page.position.last_id, recovered=recovered)
        return answer(head, events=[event.text for event in page.events])

    async def list_anomalies(self, request: Request) -> Response:
        meeting = (await self._proctor(request))[0]
        return answer(AnomalyList(anomalies=await list_anomalies(self.database, meeting)))

    async def review(self, request: Request) -> Response:
        meeting, proctor = await self._proctor(request)
        body = await read_json(request, GiveReview)
        anomaly = request.path_params["anomaly"]
        if not well_formed(anomaly):
            raise NotFound("no such anomaly")
        result = await self.reviews.give(meeting, body.key, anomaly, body.decision, body.note, proctor.name)
        return answer(result.anomaly)

    async def play(self, request: Request) -> Response:
        meeting, clip_id = request.path_params["meeting"], request.path_params["clip"]
        if "signature" in request.query_params:
            who = self.links.check(meeting, clip_id, request.query_params)
            action = "link_played"
            await self.authority.meeting(meeting)
        else:
            who = (await self._proctor(request))[1].named
            action = "clip_played"
        clip = await self._clip(meeting, clip_id)
        headers = {"Accept-Ranges": "bytes", "ETag": f'"{clip.fingerprint.hex()}"', "Cache-Control": "no-store"}
        asked = self._asked(request, clip, headers["ETag"])
        if asked is not None:
            headers["Content-Range"] = asked.content_range
        status = 200 if asked is None else 206
        if request.method == "HEAD":
            headers["Content-Length"] = str(clip.size if asked is None else asked.end - asked.start)
            return Response(None, status, headers, media_type="audio/mpeg")
        # Before a byte leaves: nobody hears what the trail does not show.
        await self.audit.write(meeting, who, action, clip.id, address(request))
        name = clip_object(meeting, clip.id)
        data = await (self.clips.get(name) if asked is None else self.clips.get_range(name, asked.start, asked.end))
        return Response(data, status, headers, media_type="audio/mpeg")

    async def link(self, request: Request) -> Response:
        meeting, proctor = await self._proctor(request)
        clip = await self._clip(meeting, request.path_params["clip"])
        # Whoever follows a link to the store itself is not seen again: this row is what the trail has of it.
        await self.audit.write(meeting, proctor.named, "clip_linked", clip.id, address(request))
        url, expires_at = await self.playable(request, meeting, clip.id, proctor.named)
        return answer(LinkIssued(url=url, expires_at=rfc3339(expires_at)))

    async def playable(self, request: Request, meeting: str, clip: str, who: str) -> tuple[str, datetime]:
        """An address that plays the clip without a header, on behalf of `who`, and until when. The caller audits it."""
        here, expires_at = self.playable_here(request, meeting, clip, who)
        there = await self.clips.link(clip_object(meeting, clip), LINK_SECONDS)
        return there or here, expires_at

    def playable_here(self, request: Request, meeting: str, clip: str, who: str) -> tuple[str, datetime]:
        """As `playable`, but always through this server, which audits each play."""
        path, expires_at = self.links.sign(meeting, clip, who)
        return base_url(request, self.public_url) + path, expires_at

    async def _proctor(self, request: Request) -> tuple[str, Proctor]:
        meeting: str = request.path_params["meeting"]
        return meeting, await self.authority.proctor_by_bearer(meeting, bearer(request))

    async def _clip(self, meeting: str, clip_id: str) -> Clip:
        clip = await find_clip(self.database, meeting, clip_id) if _CLIP_ID.fullmatch(clip_id) else None
        if clip is None:
            raise NotFound("no such clip, or it was deleted")
        return clip

    def _asked(self, request: Request, clip: Clip, etag: str) -> Range | None:
        """What of the clip is asked for. Raises HttpFault 416."""
        # RFC 9110 section 13.1.5: a range of something else than the client has a piece of is the whole instead.
        if request.headers.get("if-range", etag) != etag:
            return None
        try:
            return read_range(request.headers.get("range"), clip.size)
        except Unsatisfiable:
            raise HttpFault(
                416,
                "range_not_satisfiable",
                f"the clip has {clip.size} bytes",
                {"Content-Range": f"bytes */{clip.size}"},
            ) from None
