"""A proctor's side of the channel: resumes by epoch and id, so that every event is handed on once and in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from undertone.core.errors import BadMessage
from undertone.core.events import Anomaly, AnomalyMoved, Event, decode_event
from undertone.core.messages import (
    Candidate,
    ChannelHello,
    ChannelReady,
    Cursor,
    Error,
    EventMessage,
    Expiring,
    Message,
    Review,
    Tick,
    decode_to_proctor,
    encode,
)
from undertone_client.session.base import AfterClose, ServerFault, Session, unexpected


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The meeting as of event `last_id`. What was known before is void: the events in between can't be had any more."""

    epoch: str
    last_id: int
    candidates: tuple[Candidate, ...]
    anomalies: tuple[Anomaly, ...]


@dataclass(frozen=True, slots=True)
class ReviewGiven:
    """The server took the review with this key."""

    key: str
    anomaly: Anomaly


@dataclass(frozen=True, slots=True)
class ReviewRefused:
    """The server did not take the review with this key, and says why."""

    key: str
    error: Error


Happening = Event | Snapshot | ReviewGiven | ReviewRefused | Expiring | Error


class State(Enum):
    DISCONNECTED = auto()
    GREETING = auto()  # `hello` was said
    LIVE = auto()


class ChannelSession(Session):
    """One proctor's view of one meeting, over any number of connections."""

    def __init__(
        self,
        meeting: str,
        *,
        admin_id: str | None = None,
        token: str | None = None,
        name: str | None = None,
        after: Cursor | None = None,
    ) -> None:
        super().__init__()
        if (admin_id is None) == (token is None):
            raise ValueError("exactly one of admin_id and token is needed")
        self.state = State.DISCONNECTED
        self.cursor = after
        self._meeting = meeting
        self._admin_id = admin_id
        self._token = token
        self._name = name
        self._reviews: dict[str, Review] = {}  # unanswered, oldest first
        self._unsent: list[str] = []  # keys of those that this connection has yet to be told
        self._doubt: Error | None = None  # an error that answers a review, unless a close follows
        self._ticked = (0, 0)  # what the last tick named, and what was here then

    @property
    def live(self) -> bool:
        """Whether the server has taken this connection."""
        return self.state is State.LIVE

    def connect(self) -> str:
        """A connection stands: the `hello` to send on it."""
        self.state = State.GREETING
        self.error = self._doubt = None
        self._ticked = (0, 0)
        self._unsent = list(self._reviews)
        return encode(
            ChannelHello(
                meeting=self._meeting, admin_id=self._admin_id, token=self._token, name=self._name, after=self.cursor
            )
        )

    def review(self, review: Review) -> None:
        """Queue a decision. It is said again after every break until it is answered: its key makes that harmless."""
        self._reviews[review.key] = review
        self._unsent.append(review.key)

    def withdraw(self, key: str) -> None:
        """Nobody waits for this answer any more."""
        self._reviews.pop(key, None)

    def refresh(self, token: str) -> None:
        """The token was renewed."""
        self._token = token
        if self.state is not State.DISCONNECTED:
            self._refresh = token

    def next_message(self) -> str | None:
        """What to send next; None when there is nothing to say."""
        if self.state is not State.LIVE:
            return None
        if (refresh := self._take_refresh()) is not None:
            return refresh
        while self._unsent:
            review = self._reviews.get(self._unsent.pop(0))
            if review is not None:
                return encode(review)
        return None

    def receive(self, text: str | bytes) -> list[Happening]:
        """One message arrived. Raises ServerFault, after which the shell closes the connection and resumes by id."""
        happened: list[Happening] = list(self.settle())
        try:
            message = decode_to_proctor(text)
            handler = _HANDLERS.get((self.state, type(message)))
            if handler is None:
                raise unexpected(message, self.state.name)
            happened += handler(self, message, text)
        except BadMessage as error:
            raise ServerFault(str(error)) from error
        return happened

    def settle(self) -> list[ReviewRefused]:
        """No close followed the last `error` (the shell gives it a second): it was the answer to the oldest review."""
        sent = self._sent_reviews()
        if self._doubt is None or not sent:
            self._doubt = None
            return []
        return self._refuse(sent[0])

    def _sent_reviews(self) -> list[str]:
        return [key for key in self._reviews if key not in self._unsent]

    def _refuse(self, key: str) -> list[ReviewRefused]:
        error, self.error, self._doubt = self._doubt, None, None
        assert error is not None
        del self._reviews[key]
        return [ReviewRefused(key=key, error=error)]

    @property
    def in_doubt(self) -> bool:
        """Whether `settle` has something to decide."""
        return self._doubt is not None

    def closed(self, code: int, reason: str = "") -> AfterClose:
        """The connection ended: decided by the number alone."""
        self.state = State.DISCONNECTED
        self._doubt = None
        return super().closed(code, reason)

    def _take_ready(self, ready: ChannelReady, _: str | bytes) -> list[Happening]:
        self.state = State.LIVE
        if ready.recovered:
            if self.cursor is None or self.cursor.epoch != ready.epoch:
                raise ServerFault("`recovered` without a cursor in this epoch")
            return []
        self.cursor = Cursor(epoch=ready.epoch, id=ready.last_id)
        return [Snapshot(ready.epoch, ready.last_id, tuple(ready.candidates or ()), tuple(ready.anomalies or ()))]

    def _take_event(self, _: EventMessage, text: str | bytes) -> list[Happening]:
        event = decode_event(text)
        assert self.cursor is not None  # LIVE has one
        answered = self._answered(event)
        if event.id <= self.cursor.id:  # had before: the answer to a repeated review, or told twice
            return answered
        if event.id > self.cursor.id + 1:
            raise ServerFault(f"event {event.id} after event {self.cursor.id}: those between are missing")
        self.cursor = Cursor(epoch=self.cursor.epoch, id=event.id)
        return [event, *answered]

    def _answered(self, event: Event) -> list[Happening]:
        if event.kind != "anomaly_reviewed" or not isinstance(event.body, AnomalyMoved):
            return []
        anomaly = event.body.anomaly
        for key, review in self._reviews.items():
            given = anomaly.review
            if key in self._unsent or review.anomaly != anomaly.id or given is None:
                continue
            if (given.decision, given.note) == (review.decision, review.note):
                del self._reviews[key]
                return [ReviewGiven(key, anomaly)]
        return []

    def _take_tick(self, tick: Tick, _: str | bytes) -> list[Happening]:
        """Events may be on their way when a tick passes them; if none has come until the next, they are missing."""
        assert self.cursor is not None
        announced, had = self._ticked
        if self.cursor.id < announced and self.cursor.id == had:
            raise ServerFault(f"event {announced} was announced a tick ago, and nothing came after event {had}")
        self._ticked = (tick.last_id, self.cursor.id)
        return []

    def _take_error(self, error: Error, _: str | bytes) -> list[Happening]:
        self.error = self._doubt = error
        named = next((key for key in self._sent_reviews() if key in error.detail), None)
        return [error] if named is None else [error, *self._refuse(named)]

    def _take_expiring(self, expiring: Expiring, _: str | bytes) -> list[Happening]:
        return [expiring]


# (state, message) → what is done; a pair that is not here is the server's fault.
_HANDLERS: Final[dict[tuple[State, type[Message]], Callable[[ChannelSession, Any, str | bytes], list[Happening]]]] = {
    (State.GREETING, ChannelReady): ChannelSession._take_ready,
    (State.GREETING, Error): ChannelSession._take_error,
    (State.GREETING, Expiring): ChannelSession._take_expiring,
    (State.LIVE, EventMessage): ChannelSession._take_event,
    (State.LIVE, Tick): ChannelSession._take_tick,
    (State.LIVE, Error): ChannelSession._take_error,
    (State.LIVE, Expiring): ChannelSession._take_expiring,
}
