"""What all clients of one meeting share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from undertone.core.requests import MeetingCreated
from undertone_client.simulate.record import Record
from undertone_client.simulate.schedule import Fault, Schedule
from undertone_client.simulate.service import Service
from undertone_client.simulate.watcher import Watcher


@dataclass(frozen=True, slots=True)
class Exam:
    """One meeting of a run. `did` is told of each fault as it is carried out."""

    service: Service
    meeting: MeetingCreated
    record: Record
    schedule: Schedule
    watcher: Watcher
    did: Callable[[Fault], None]
