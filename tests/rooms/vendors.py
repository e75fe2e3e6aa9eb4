"""The three vendors' stand-ins with the provider that speaks to each, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import orjson

from tests.standins import dyte, livekit, realtimekit
from tests.standins.kit import Kit
from tests.standins.livekit import LiveKit
from tests.standins.serving import Answers, Behaviour, BreaksOff, Moody, NeverAnswers, serving
from undertone.rooms.asking import Patience
from undertone.rooms.base import Role, RoomProvider
from undertone.rooms.dyte import dyte as dyte_rooms
from undertone.rooms.livekit import LiveKitRooms
from undertone.rooms.realtimekit import realtimekit as realtimekit_rooms

PRESETS: Final[dict[Role, str]] = {"candidate": "group_call_participant", "proctor": "group_call_host"}
# As in life, twenty times as fast.
QUICK: Final = Patience(one_try=0.2, opening=0.7, joining=0.7, backoff=0.01, pause=0.25, longest_pause=0.25)
SECRETS: Final = {"realtimekit": realtimekit.TOKEN, "dyte": dyte.KEY, "livekit": livekit.SECRET}


@dataclass
class Vendor:
    """A vendor's server and what it holds."""

    name: str
    url: str
    account: Kit | LiveKit

    @property
    def app(self) -> Moody:
        return self.account.app

    def provider(self, url: str | None = None, secret: str | None = None) -> RoomProvider:
        """As `choices.py` makes it, only less patient. `url`: where nobody is."""
        url, secret = url or self.url, secret or SECRETS[self.name]
        match self.name:
            case "realtimekit":
                return realtimekit_rooms(url, realtimekit.ACCOUNT, realtimekit.APP, secret, PRESETS, QUICK)
            case "dyte":
                return dyte_rooms(f"{url}/v2", dyte.ORG, secret, PRESETS, QUICK)
        return LiveKitRooms(url.replace("http", "ws"), livekit.KEY, secret, QUICK)

    def reply(self, told: Any) -> Behaviour:
        """What a row of the table says, as this vendor says it."""
        match told:
            case "slow":
                return NeverAnswers()
            case "garbage":
                return Answers(200, b"\xff\x00 no JSON")
            case "html":
                return Answers(200, b"<!doctype html><title>Welcome to nginx!</title>")
            case "empty":
                return said(200, {"success": True})
            case "presets":
                return said(200, {"success": True, "data": [{"name": "host"}, {"name": "group_call_host"}]})
            case "moved":
                return Answers(302, headers={"Location": "https://elsewhere.example/"})
            case "huge":
                return Answers(200, b'"' + b"x" * 2**21 + b'"')
            case "cut":
                return BreaksOff(b'{"success": true')
            case "echo":
                return self.reply((422, f"bad {SECRETS[self.name]}"))
            case int():
                return self.reply((told, ""))
            case (status, words):
                return said(status, self.error(status, words))
            case (status, words, seconds):
                return said(status, self.error(status, words), {"Retry-After": str(seconds)})
        raise ValueError(told)

    def error(self, status: int, words: str) -> Any:
        """In the vendor's shape."""
        if self.name == "livekit":
            return {"code": "internal", "msg": words}
        if self.name == "realtimekit" and status in (401, 403, 429):
            return {"success": False, "errors": [{"code": 10000, "message": words}], "result": None}
        return {"success": False, "error": {"code": status, "message": words}}


def said(status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answers:
    """JSON."""
    return Answers(status, orjson.dumps(body), {"Content-Type": "application/json", **(headers or {})})


@contextmanager
def every_vendor() -> Iterator[dict[str, Vendor]]:
    """All three, running."""
    kits = {"realtimekit": realtimekit.realtimekit(), "dyte": dyte.dyte()}
    server = LiveKit()
    accounts: dict[str, Kit | LiveKit] = {**kits, "livekit": server}
    with ExitStack() as open_ones:
        yield {
            name: Vendor(name, open_ones.enter_context(serving(account.app, sockets=name == "livekit")), account)
            for name, account in accounts.items()
        }
