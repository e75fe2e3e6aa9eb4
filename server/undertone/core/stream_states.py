"""The states of a candidate's connection, and what each takes: a table, whose misses are named errors.

    awaiting_hello -hello-> opening -opened-> [awaiting_gap -gap->] streaming -finish-> finishing -finished-> closed

From every state a fault leads to closed; from streaming through closing, where what came is written first.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from undertone.core.errors import BadMessage
from undertone.core.messages import Finish, Gap, Message, Refresh, StreamHello


class State(Enum):
    AWAITING_HELLO = auto()
    OPENING = auto()
    AWAITING_GAP = auto()  # the sender's buffer overflowed: its first message says how much
    STREAMING = auto()
    FINISHING = auto()  # `finish` was said; the last windows are being stored
    CLOSING = auto()  # waits for a part or a window before the close
    CLOSED = auto()


# Which text messages each state takes; anything else is a named error. Audio: only while STREAMING.
ALLOWED: Final[dict[State, tuple[type[Message], ...]]] = {
    State.AWAITING_HELLO: (StreamHello,),
    State.OPENING: (),
    State.AWAITING_GAP: (Gap, Refresh),
    State.STREAMING: (Gap, Finish, Refresh),
    State.FINISHING: (Finish, Gap, Refresh),  # said once too often, or too late to matter
}
EXPECTED: Final = {
    State.AWAITING_HELLO: "the first message is `hello`",
    State.OPENING: "wait for `ready`",
    State.AWAITING_GAP: "the buffer begins beyond what is held: the first message is its `gap`",
    State.STREAMING: "`hello` was said; send audio, `gap`, `finish` or `refresh`",
    State.FINISHING: "`finish` was said; wait for `finished`",
}


def check_message(state: State, message: Message) -> None:
    """Raises BadMessage if this state does not take it."""
    if not isinstance(message, ALLOWED[state]):
        raise BadMessage(f"`{message.__struct_config__.tag}` was not expected here: {EXPECTED[state]}")


def check_audio(state: State) -> None:
    """Raises BadMessage if this state takes no audio."""
    if state is not State.STREAMING:
        raise BadMessage(f"audio was not expected here: {EXPECTED[state]}")
