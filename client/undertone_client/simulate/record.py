"""What a run has seen so far: who sent what, what was answered, what each proctor received, and when."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from undertone.core.events import Anomaly, AnomalyMoved, AudioMissing, Event, Evidence, WindowJudged, WindowStored
from undertone.core.messages import Finished
from undertone_client.session import Snapshot
from undertone_client.simulate.audio import Recording
from undertone_client.simulate.tap import Tap

# Every `at` below is a monotonic clock in milliseconds.
WindowKey = tuple[str, int, int]  # participant, stream, window

# A part that nobody takes up for 60 s becomes a short window; the server may have missed the line some seconds earlier.
TAKEN_UP_WITHIN_MS: Final = 55_000


@dataclass(frozen=True, slots=True)
class Closed:
    """A connection that ended: when, how, and to which server it went."""

    at: int
    code: int
    reason: str
    server: str | None = None

    def __str__(self) -> str:
        return f"{self.code} {self.reason}".rstrip()


@dataclass(frozen=True, slots=True)
class Gap:
    """Sound that was never sent: the stream goes on at byte `offset`, where the server had it up to `held`."""

    held: int
    offset: int
    lost_ms: int  # cumulative


@dataclass(frozen=True, slots=True)
class Fallen:
    """`ready` named less than what `stored` had acknowledged."""

    stored: int
    held: int


@dataclass
class StreamRecord:
    """One stream of a candidate: byte 0 is byte `base` of its recording."""

    base: int
    number: int | None = None  # as `ready` said
    spoken: int = 0  # bytes handed over so far
    spoken_at: dict[int, int] = field(default_factory=dict)  # window → when its last byte was handed over
    stored_at: dict[int, int] = field(default_factory=dict)  # window → when `stored` arrived
    stored_offset: int = 0
    out_of_order: list[str] = field(default_factory=list)  # what `stored` said that did not follow
    fallen: list[Fallen] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    end: Literal["speaking", "finished", "left", "taken over", "failed"] = "speaking"
    finished: Finished | None = None
    left_at: int = 0
    away_since: int | None = None
    away_ms: int = 0  # the longest time without a connection

    @property
    def windows(self) -> int:
        """How many windows are durable, as far as this stream was told."""
        return max(self.stored_at, default=-1) + 1

    def stored(self, window: int, offset: int, now_ms: int) -> None:
        """`stored` arrived."""
        # One that was said as the line broke is not said again: numbers may be left out, and never go back.
        if window < self.windows:
            self.out_of_order.append(f"window {window} was acknowledged after window {self.windows - 1}")
        if offset < self.stored_offset:
            self.out_of_order.append(f"byte {offset} was acknowledged after byte {self.stored_offset}")
        self.stored_at[window] = now_ms
        self.stored_offset = max(self.stored_offset, offset)

    @property
    def may_be_cut_short(self) -> bool:
        """Whether it was away for so long that what the server had of a window may have become one.

        Where that ended only the server knows: what became of such a stream can be said from inside alone.
        """
        return self.away_ms > TAKEN_UP_WITHIN_MS

    def closed(self, now_ms: int) -> None:
        """A connection ended, or could not be had."""
        self.away_since = now_ms if self.away_since is None else self.away_since

    def back(self, now_ms: int) -> None:
        """A connection was answered."""
        if self.away_since is not None:
            self.away_ms = max(self.away_ms, now_ms - self.away_since)
            self.away_since = None

    def ready(self, stream: int, held: int) -> None:
        """`ready` arrived."""
        self.number = stream
        if held < self.stored_offset:
            self.fallen.append(Fallen(self.stored_offset, held))


@dataclass
class CandidateRecord:
    """One candidate: what it said, and what the server answered to it."""

    number: int
    name: str
    recording: Recording
    participant: str = ""
    spoken_ms: int = 0
    streams: list[StreamRecord] = field(default_factory=list)
    connections: int = 0
    closes: list[Closed] = field(default_factory=list)
    server_faults: list[str] = field(default_factory=list)  # where the server broke the protocol
    fault: str | None = None  # why it is over, if its last stream was not finished
    small_buffer: bool = False  # made to overflow
    not_told: int = 0  # older tabs that never learnt that a second one took over

    @property
    def finished(self) -> bool:
        return bool(self.streams) and self.streams[-1].finished is not None


@dataclass(frozen=True, slots=True)
class View:
    """The events that a proctor received after a snapshot of event `after`, in the order of their arrival."""

    after: int
    events: list[Event] = field(default_factory=list)


@dataclass
class ProctorRecord:
    """One proctor: the events it received, by id."""

    number: int
    first_id: int = 1  # the one after its snapshot
    last_id: int = 0
    received_at: dict[int, int] = field(default_factory=dict)
    out_of_order: list[int] = field(default_factory=list)  # as handed on; as sent: `tap`
    snapshots: list[Snapshot] = field(default_factory=list)  # taken in mid-run: the events before it were missed
    views: list[View] = field(default_factory=lambda: [View(0)])  # a further one from each such snapshot on
    judged: dict[WindowKey, int] = field(default_factory=dict)  # → how often its verdict was told
    stored: dict[WindowKey, int] = field(default_factory=dict)  # → how often it was told to be stored
    connections: int = 0
    closes: list[Closed] = field(default_factory=list)
    server_faults: list[str] = field(default_factory=list)  # where the server broke the protocol
    tap: Tap = field(default_factory=Tap)
    told_of_end: bool = False
    fault: str | None = None


class Record:
    """One meeting of a run."""

    def __init__(self, candidates: list[CandidateRecord], proctors: list[ProctorRecord]) -> None:
        self.candidates = candidates
        self.proctors = proctors
        self.by_participant: dict[str, CandidateRecord] = {}
        self.events: dict[int, Event] = {}
        self.different: list[int] = []  # events that one proctor was told otherwise than another
        self.stored: dict[WindowKey, WindowStored] = {}
        self.judged: dict[WindowKey, WindowJudged] = {}
        self.missing: list[tuple[str, AudioMissing]] = []  # participant, what the proctors were told of
        self.anomalies: dict[str, Anomaly] = {}  # as it was told last
        self.end_called = False
        self.not_ended: str | None = None  # why the meeting could not be ended
        self.moved_at = 0  # when anything last happened

    @property
    def windows(self) -> int:
        """How many windows there are in the end, if no stream is broken off."""
        return sum(len(candidate.recording.windows) for candidate in self.candidates)

    @property
    def ended(self) -> bool:
        """Whether every proctor that is still there was told of the meeting's end."""
        return all(proctor.told_of_end for proctor in self.proctors if proctor.fault is None)

    def joined(self, candidate: CandidateRecord, participant: str) -> None:
        """The candidate has its id."""
        candidate.participant = participant
        self.by_participant[participant] = candidate

    @staticmethod
    def entered(proctor: ProctorRecord, snapshot: Snapshot) -> None:
        """A proctor came in: what it receives begins behind its snapshot."""
        proctor.first_id, proctor.last_id = snapshot.last_id + 1, snapshot.last_id
        proctor.views = [View(snapshot.last_id)]

    def missed(self, proctor: ProctorRecord, snapshot: Snapshot, now_ms: int) -> None:
        """A proctor was given a snapshot in place of events."""
        self.moved_at = now_ms
        proctor.snapshots.append(snapshot)
        proctor.views.append(View(snapshot.last_id))
        proctor.last_id = snapshot.last_id

    def received(self, proctor: ProctorRecord, event: Event, now_ms: int) -> bool:
        """A proctor received an event; whether it is the first one to."""
        self.moved_at = now_ms
        if event.id != proctor.last_id + 1:
            proctor.out_of_order.append(event.id)
        proctor.last_id = max(proctor.last_id, event.id)
        proctor.received_at.setdefault(event.id, now_ms)
        proctor.told_of_end = proctor.told_of_end or event.kind == "meeting_ended"
        key = self.window_of(event)
        if key is not None:
            counted = proctor.judged if isinstance(event.body, WindowJudged) else proctor.stored
            counted[key] = counted.get(key, 0) + 1
        known = self.events.get(event.id)
        # One object for all proctors, who are many.
        proctor.views[-1].events.append(known if known == event else event)
        if known is not None:
            if known != event:
                self.different.append(event.id)
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

    def clips(self) -> list[Evidence]:
        """What the proctors may hear."""
        return [evidence for anomaly in self.anomalies.values() for evidence in anomaly.evidence]

    def owed(self) -> set[WindowKey]:
        """Windows that must be told and judged: those acknowledged, those of finished streams, those told."""
        owed = set(self.stored)
        for candidate in self.candidates:
            for stream in candidate.streams:
                if stream.number is not None:
                    count = stream.windows if stream.finished is None else stream.finished.windows
                    owed |= {(candidate.participant, stream.number, window) for window in range(count)}
        return owed

    def settled(self) -> bool:
        """Whether every proctor that is still there has all events, and they hold the verdict of every window owed."""
        last = max(self.events, default=0)
        owed = self.owed()
        return owed <= self.judged.keys() and all(
            proctor.last_id >= last for proctor in self.proctors if proctor.fault is None
        )
