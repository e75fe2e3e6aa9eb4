"""One proctor of a run: counts every event of its meeting across all its connections."""

from __future__ import annotations

import asyncio
import contextlib
import time
from random import Random

import httpx

from undertone.core.errors import TokenExpired, UndertoneError
from undertone.core.events import AnomalyMoved, Event
from undertone.core.messages import Cursor
from undertone_client.connection import ProctorChannel
from undertone_client.connection.address import Dial
from undertone_client.session import Snapshot
from undertone_client.simulate.exam import Exam
from undertone_client.simulate.record import Closed, ProctorRecord
from undertone_client.simulate.schedule import Client
from undertone_client.simulate.speaker import now_ms


class Watching:
    """Drives one proctor until it is cancelled; `proctor` says afterwards what happened."""

    def __init__(self, exam: Exam, proctor: ProctorRecord, dial: Dial | None) -> None:
        self._exam = exam
        self._record = exam.record
        self._proctor = proctor
        self._dial = dial
        own = exam.schedule.of(Client("proctor", proctor.number))
        self._renewals = [fault for fault in own if fault.kind == "expire"]
        self._receiving: asyncio.Task[None] | None = None
        self._coming_back = False
        self._epoch: str | None = None

    async def run(self) -> None:
        """Receive until the channel ends for good.

        A token of a proctor's can't be renewed on its socket (the next one is another holder's), so when it ends, and
        when the schedule wants it, the proctor comes back with a fresh one and goes on behind the last event it took.
        """
        proctor = self._proctor
        after: Cursor | None = None
        try:
            while True:
                token = await self._token()
                self._receiving = asyncio.create_task(self._receive(token, after))
                with contextlib.suppress(TokenExpired):
                    try:
                        await self._receiving
                    except asyncio.CancelledError:
                        if not self._coming_back:
                            raise
                    finally:
                        self._receiving.cancel()
                self._coming_back = False
                after = None if self._epoch is None else Cursor(epoch=self._epoch, id=proctor.last_id)
        except (UndertoneError, httpx.TransportError) as error:
            proctor.fault = f"{type(error).__name__}: {error}"

    async def _receive(self, token: str, after: Cursor | None) -> None:
        proctor = self._proctor
        channel = ProctorChannel(
            self._exam.service.servers,
            self._exam.meeting.data.id,
            token=token,
            after=after,
            random=Random(f"{self._exam.schedule.seed} proctor {proctor.number}"),  # noqa: S311 - repeatable waits
            dial=self._dial,
            on_close=lambda code, reason: self._closed(code, reason, channel.server),
            on_text=lambda text: proctor.tap.heard(text, channel.cursor),
            on_server_fault=lambda fault: proctor.server_faults.append(str(fault)),
        )
        async with channel:
            assert channel.cursor is not None
            self._epoch = channel.cursor.epoch
            if after is None:
                assert channel.snapshot is not None
                self._record.entered(proctor, channel.snapshot)
            elif channel.snapshot is not None:
                self._record.missed(proctor, channel.snapshot, now_ms())
            proctor.connections += 1
            async for event in channel:
                self._take(event)

    def _closed(self, code: int, reason: str, server: str | None) -> None:
        self._proctor.tap.closed()
        self._proctor.closes.append(Closed(now_ms(), code, reason, server))

    async def come_back(self, began: float) -> None:
        """With a fresh token, at the moments that the schedule has for it."""
        for fault in self._renewals:
            await asyncio.sleep(max(0.0, began + fault.at_ms / 1000 - time.monotonic()))
            if self._receiving is not None and not self._receiving.done():
                self._exam.did(fault)
                self._coming_back = True
                self._receiving.cancel()

    async def _token(self) -> str:
        meeting, name = self._exam.meeting, f"Proctor {self._proctor.number}"
        ticket = await self._exam.service.call(lambda node: node.add_proctor(meeting.data.id, name, meeting.admin_id))
        return ticket.token

    def _take(self, event: Event | Snapshot) -> None:
        if isinstance(event, Snapshot):
            self._record.missed(self._proctor, event, now_ms())
        elif self._record.received(self._proctor, event, now_ms()):
            if event.kind == "window_judged":
                self._exam.watcher.judged()
            elif isinstance(event.body, AnomalyMoved):
                self._exam.watcher.found(event, event.body)
