"""A proctor of the load: our own session, which raises where an event is missing, on a bare socket."""

from __future__ import annotations

import time
from datetime import datetime
from random import Random

from tests.bench.load.line import Line, Socket
from tests.bench.load.plan import Attempt, Post, ProctorSeen
from undertone.core.events import Event
from undertone.core.messages import Error
from undertone_client.session import ChannelSession, ServerFault, Snapshot


class Proctor(Line):
    path = "/channel"
    who = "proctor"

    def __init__(self, port: int, post: Post, attempts: list[Attempt], random: Random) -> None:
        super().__init__(port, attempts, random)
        self._session = ChannelSession(post.meeting, admin_id=post.admin_id)
        self._seen = ProctorSeen(ready_at=self.ready_at, closes=self.closes, wrong=self.wrong)
        self._leaving = False

    def leave(self) -> None:
        """It has seen enough."""
        self._leaving = True
        if self.socket is not None:
            self.socket.close()

    @property
    def last_id(self) -> int:
        """Of the newest event that is here."""
        return 0 if self._session.cursor is None else self._session.cursor.id

    def seen(self) -> ProctorSeen:
        self._seen.last_id = self.last_id
        return self._seen

    # --- the line's side

    def hello(self) -> str:
        return self._session.connect()

    def text(self, socket: Socket, payload: bytes) -> None:
        had = self.last_id
        try:
            happened = self._session.receive(payload)
        except ServerFault as fault:
            self.wrong.append(str(fault))
            socket.close()
            return
        if self.socket is None and self._session.live:
            self.is_ready(socket)
        if payload.startswith(b'{"type":"event"') and self.last_id == had:
            self._seen.repeated += 1
        for each in happened:
            if isinstance(each, Event):
                self._seen.events += 1
                self._seen.delays_s.append(time.time() - datetime.fromisoformat(each.at).timestamp())
            elif isinstance(each, Snapshot):
                if len(self.ready_at) > 1:
                    self.wrong.append(f"a snapshot instead of the events after {had}")
                self._seen.first_id = each.last_id + 1
            elif isinstance(each, Error):
                self.told(each)

    def closed(self) -> None:
        self._session.closed(self.closes[-1] if self.closes else 1006)

    def is_done(self) -> bool:
        return self._leaving
