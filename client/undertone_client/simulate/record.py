"""What a run has seen so far: who sent what, what was answered, what each proctor received, and when."""

from __future__ import annotations

from dataclasses import dataclass, field

from undertone.core.events import Anomaly, AnomalyMoved, AudioMissing, Event, WindowJudged, WindowStored
from undertone.core.messages import Finished
from undertone_client.session import Snapshot
from undertone_client.simulate.audio import Recording

# Every `at` below is a monotonic clock in milliseconds.
WindowKey = tuple[str, int, int]  # participant, stream, window


@dataclass
class CandidateRecord:
    """One candidate: what it said, and what the server answered to it."""

    number: int
    name: str
    recording: Recording
    participant: str = ""
    spoken_ms: int = 0
    spoken_at: dict[int, int] = field(default_factory=dict)  # window → when its last byte was handed over
    stored_at: dict[int, int] = field(default_factory=dict)  # window → when `stored` arrived
    finished: Finished | None = None
    lost_ms: int = 0
    connections: int = 0
    fault: str | None = None  # why it is over, if it was not finished


@dataclass
class ProctorRecord:
    """One proctor: the events it received, by id."""

    number: int
    first_id: int = 1  # the one after its snapshot
    last_id: int = 0
    received_at: dict[int, int] = field(default_factory=dict)
    out_of_order: list[int] = field(default_factory=list)
    snapshots: list[Snapshot] = field(default_factory=list)  # taken in mid-run: the events before it were missed
    judged: dict[WindowKey, int] = field(default_factory=dict)  # → how often its verdict was told
    stored: dict[WindowKey, int] = field(default_factory=dict)  # → how often it was told to be stored
    connections: int = 0
    fault: str | None = None


class Record:
    """One run."""

    def __init__(self, candidates: list[CandidateRecord], proctors: int) -> None:
        self.candidates = candidates
        self.proctors = [ProctorRecord(number) for number in range(1, proctors + 1)]
        self.by_participant: dict[str, CandidateRecord] = {}
        self.events: dict[int, Event] = {}
        self.stored: dict[WindowKey, WindowStored] = {}
        self.judged: dict[WindowKey, WindowJudged] = {}
        self.missing: list[tuple[str, AudioMissing]] = []  # participant, what the proctors were told of
        self.anomalies: dict[str, Anomaly] = {}  # as it was told last
        self.moved_at = 0  # when anything last happened

    @property
    def windows(self) -> int:
        """How many windows there must be in the end."""
        return sum(len(candidate.recording.windows) for candidate in self.candidates)

    def joined(self, candidate: CandidateRecord, participant: str) -> None:
        """The candidate has its id."""
        candidate.participant = participant
        self.by_participant[participant] = candidate

    @staticmethod
    def entered(proctor: ProctorRecord, snapshot: Snapshot) -> None:
        """A proctor came in: what it receives begins behind its snapshot."""
        proctor.first_id, proctor.last_id = snapshot.last_id + 1, snapshot.last_id

    def missed(self, proctor: ProctorRecord, snapshot: Snapshot, now_ms: int) -> None:
        """A proctor was given a snapshot in place of events."""
        self.moved_at = now_ms
        proctor.snapshots.append(snapshot)
        proctor.last_id = snapshot.last_id

    def received(self, proctor: ProctorRecord, event: Event, now_ms: int) -> bool:
        """A proctor received an event; whether it is the first one to."""
        self.moved_at = now_ms
        if event.id != proctor.last_id + 1:
            proctor.out_of_order.append(event.id)
        proctor.last_id = max(proctor.last_id, event.id)
        proctor.received_at.setdefault(event.id, now_ms)
        key = self.window_of(event)
        if key is not None:
            counted = proctor.judged if isinstance(event.body, WindowJudged) else proctor.stored
            counted[key] = counted.get(key, 0) + 1
        if event.id in self.events:
            return False
        self.events[event.id] = event
        self._note(event, key)
        return True

    @staticmethod
    def window_of(event: Event) -> WindowKey | None:
        if event.participant is None or not isinstance(event.body, (WindowStored, WindowJudged)):
            return None
        return event.participant.id, event.body.stream, event.body.window

    def _note(self, event: Event, key: WindowKey | None) -> None:
        match event.body:
            case WindowStored() as stored if key is not None:
                self.stored[key] = stored
            case WindowJudged() as judged if key is not None:
                self.judged[key] = judged
            case AnomalyMoved(anomaly=anomaly):
                self.anomalies[anomaly.id] = anomaly
            case AudioMissing() as missing if event.participant is not None:
                self.missing.append((event.participant.id, missing))

    def settled(self) -> bool:
        """Whether every proctor has the verdict of every window of every candidate that is still in it."""
        last = max(self.events, default=0)
        expected = sum(
            candidate.finished.windows
            for candidate in self.candidates
            if candidate.finished is not None and candidate.fault is None
        )
        return all(
            len(proctor.judged) >= expected and proctor.last_id >= last
            for proctor in self.proctors
            if proctor.fault is None
        )
