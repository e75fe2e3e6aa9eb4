"""Cloudflare RealtimeKit and Dyte, which it grew out of: one API at two addresses.

Written from the vendors' pages, as of November 2026: "Create a meeting", "Add a participant", "Refresh participant's
authentication token", "Fetch all participants", "Delete a participant", "Update a meeting", "Kick participants", "Kick
all participants", "Fetch all presets" under https://developers.cloudflare.com/api/resources/realtime_kit/ and
https://docs.dyte.io/guides/rest-apis/quickstart.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from undertone.core.errors import Unavailable
from undertone.rooms.asking import Answer, Asking, Call, Patience
from undertone.rooms.base import Admission, Reach, Role, Room, RoomsMisset, identity

# An hour's largest exam, a few times over; 200 bytes each.
REMEMBERED: Final = 20_000
# Accounts have a handful of presets; the vendor's own page is 20 or so.
PRESETS_A_PAGE: Final = 50
# 300 bytes each. Whoever is not among a meeting's first 5,000 is shown out, and may come back until their token ends.
PARTICIPANTS_A_PAGE: Final = 100
PAGES: Final = 50


@dataclass(frozen=True, slots=True)
class Vendor:
    """What tells the two apart. `browser` is the domain their script talks to; `settings` what people set wrong."""

    name: str
    who: str
    browser: str
    key_setting: str
    account_settings: str
    presets_setting: str


class KitRooms:
    """Rooms of either vendor."""

    def __init__(
        self,
        vendor: Vendor,
        base: str,
        authorization: str,
        secrets: tuple[str, ...],
        presets: Mapping[Role, str],
        patience: Patience | None = None,
    ) -> None:
        self.name = vendor.name
        self._vendor = vendor
        self._presets = presets
        self._patience = patience or Patience()
        self._asking = Asking(
            vendor.who,
            base,
            headers={"Authorization": authorization},
            secrets=secrets,
            words=_words,
            patience=self._patience,
        )
        # Their ids of those admitted: asked again, the vendor wants the token refreshed, not a second participant.
        self._known: OrderedDict[tuple[str, str], str] = OrderedDict()

    @property
    def reach(self) -> Reach:
        """Signalling, and the timers that the vendor's script runs in a worker from a blob."""
        domain = self._vendor.browser
        return Reach((f"https://*.{domain}", f"wss://*.{domain}"), ("blob:",), camera=True)

    async def check(self) -> None:
        """One list of presets: shows that address, account and key are right and the presets exist."""
        call = Call("GET", f"/presets?page_no=1&per_page={PRESETS_A_PAGE}")
        answer = await self._asking.ask(call, self._patience.joining)
        if answer.status in (400, 404):
            what = f"{self._vendor.who} knows no such account ({answer.status}{self._asking.said(answer)})"
            raise RoomsMisset(f"{what}: set {self._vendor.account_settings} as its dashboard shows them")
        if answer.status >= 400:
            raise RoomsMisset(self._asking.refused(answer, self._vendor.key_setting).detail)
        found = _given(answer)
        names = [each.get("name") for each in found if isinstance(each, dict)] if isinstance(found, list) else None
        if names is None:
            raise RoomsMisset(self._asking.nonsense("a list of presets").detail)
        missing = sorted(set(self._presets.values()) - set(names))
        if missing and len(names) < PRESETS_A_PAGE:
            known = ", ".join(str(name) for name in names) or "none"
            raise RoomsMisset(
                f"{self._vendor.who} has no preset {' and no '.join(missing)}, but {known}: "
                f"set {self._vendor.presets_setting}, or make the preset"
            )

    async def open(self, meeting: str, title: str) -> Room:
        """A meeting of the vendor's. Not asked a second time where the first may have been heard: it would be two."""
        answer = await self._asking.of_opening(Call("POST", "/meetings", {"title": title}, repeatable=False))
        return Room({"id": self._data(answer, "id")["id"]})

    async def admit(self, room: Room, participant: str, name: str, role: Role, preset: str | None = None) -> Admission:
        """A participant of the vendor's, or a fresh token for the one there is."""
        who = identity(participant, role)
        path = f"/meetings/{_segment(room)}/participants"
        admitted = await self._refreshed(room, who, path)
        if admitted is None:
            body = {"name": name, "preset_name": preset or self._presets[role], "custom_participant_id": who}
            data = self._data(await self._asking.of_joining(Call("POST", path, body)), "id", "token")
            self._remember(room, who, data["id"])
            admitted = data["id"], data["token"]
        their_id, token = admitted
        return Admission({"provider": self.name, "id": their_id, "token": token, "server": self._vendor.browser})

    async def remove(self, room: Room, participant: str, role: Role) -> None:
        """Off the list of those who may enter, so that their tokens end; and out of the session."""
        who, path = identity(participant, role), f"/meetings/{_segment(room)}"
        self._known.pop(_key(room, who), None)
        for their_id in await self._listed(path, who):
            await self._done(Call("DELETE", f"{path}/participants/{quote(their_id, safe='')}"))
        body = {"custom_participant_ids": [who], "participant_ids": []}
        await self._done(Call("POST", f"{path}/active-session/kick", body))

    async def close(self, room: Room) -> None:
        """Nobody enters any more, and whoever is inside is shown out."""
        path = f"/meetings/{_segment(room)}"
        await self._done(Call("PATCH", path, {"status": "INACTIVE"}))
        await self._done(Call("POST", f"{path}/active-session/kick-all"))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._asking.aclose()

    async def _listed(self, path: str, who: str) -> list[str]:
        """Their ids of somebody: more than one, if several nodes admitted them."""
        found: list[str] = []
        for page in range(1, PAGES + 1):
            call = Call("GET", f"{path}/participants?page_no={page}&per_page={PARTICIPANTS_A_PAGE}")
            answer = await self._asking.ask(call, self._patience.joining)
            if answer.status >= 400:
                raise self._refused(answer)
            listed = _given(answer)
            if not isinstance(listed, list):
                raise self._asking.nonsense("a list of participants")
            people = [each for each in listed if isinstance(each, dict)]
            found += [str(each.get("id")) for each in people if each.get("custom_participant_id") == who]
            if len(listed) < PARTICIPANTS_A_PAGE:
                break
        return found

    async def _refreshed(self, room: Room, who: str, path: str) -> tuple[str, str] | None:
        """Their id and a new token of somebody this node admitted before; None for others, and if they forgot them."""
        their_id = self._known.get(_key(room, who))
        if their_id is None:
            return None
        self._known.move_to_end(_key(room, who))
        answer = await self._asking.of_joining(Call("POST", f"{path}/{quote(their_id, safe='')}/token"))
        if answer.status == 404:
            self._known.pop(_key(room, who), None)
            return None
        return their_id, self._data(answer, "token")["token"]

    def _remember(self, room: Room, who: str, their_id: str) -> None:
        self._known[_key(room, who)] = their_id
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _data(self, answer: Answer, *fields: str) -> dict[str, Any]:
        """What the vendor gave, with these fields as strings. Raises Unavailable."""
        if answer.status >= 400:
            raise self._refused(answer)
        data = _given(answer)
        if not isinstance(data, dict):
            raise self._asking.nonsense("data")
        for each in fields:
            if not isinstance(data.get(each), str) or not data[each]:
                raise self._asking.nonsense(f"an {each}" if each == "id" else f"a {each}")
        return data

    async def _done(self, call: Call) -> None:
        """Says it. What is not there, or over, is as it should be."""
        answer = await self._asking.ask(call, self._patience.joining)
        if answer.status >= 400 and answer.status not in (404, 409):
            raise self._refused(answer)

    def _refused(self, answer: Answer) -> Unavailable:
        return self._asking.refused(answer, self._vendor.key_setting)


def _key(room: Room, who: str) -> tuple[str, str]:
    return str(room.data.get("id")), who


def _segment(room: Room) -> str:
    """The vendor's id of the meeting, as a part of a path whatever it holds."""
    return quote(str(room.data.get("id")), safe="")


def _given(answer: Answer) -> Any:
    """What the vendor wraps in `data`; None where it does not."""
    return answer.body.get("data") if isinstance(answer.body, dict) else None


def _words(body: Any) -> str:
    """An error's message: RealtimeKit's `{error: {code, message}}`, or Cloudflare's `{errors: [{code, message}]}`."""
    if not isinstance(body, dict):
        return ""
    errors = body.get("errors")
    found = errors[0] if isinstance(errors, list) and errors else body.get("error")
    if isinstance(found, dict):
        found = found.get("message")
    return found if isinstance(found, str) else ""
