"""What ends a candidate's session, or must not: closes, tokens, and a server that breaks the protocol."""

from __future__ import annotations

import pytest

from tests.client.candidate import Candidate
from tests.client.recording import Connection, frames
from undertone.core.errors import BadAudio, MeetingEnded, TakenOver
from undertone.core.messages import StreamReady, encode
from undertone_client.session import AfterClose, ServerFault, StreamSession


@pytest.mark.parametrize(
    ("code", "after"),
    [
        (1001, AfterClose.RETRY),
        (1006, AfterClose.RETRY),
        (1011, AfterClose.RETRY),
        (1012, AfterClose.RETRY),
        (3000, AfterClose.RETRY),
        (4000, AfterClose.RETRY),
        (4006, AfterClose.RENEW),
        (4007, AfterClose.RETRY),
        (4321, AfterClose.RETRY),
        (1000, AfterClose.OVER),
        (1009, AfterClose.OVER),
        (4500, AfterClose.OVER),
        (4506, AfterClose.OVER),
        (4999, AfterClose.OVER),
    ],
)
def test_the_number_of_the_close_alone_decides(code: int, after: AfterClose) -> None:
    session = StreamSession("token")
    session.connect()
    assert session.closed(code, "whatever it says") is after
    assert (session.fault is not None) == (after is AfterClose.OVER)


def test_the_fault_is_named_with_what_the_error_said() -> None:
    session = StreamSession("token")
    session.connect()
    session.receive('{"type": "error", "code": "meeting_ended", "detail": "ended at noon"}')
    assert session.closed(4507) is AfterClose.OVER
    assert isinstance(session.fault, MeetingEnded)
    assert session.fault.detail == "ended at noon"
    assert session.closed(1006) is AfterClose.OVER  # it stays over


def test_retry_after_is_that_of_this_connection() -> None:
    session = StreamSession("token")
    session.connect()
    session.receive('{"type": "error", "code": "draining", "detail": "bye", "retry_after_ms": 700}')
    assert session.closed(4000) is AfterClose.RETRY
    assert session.retry_after_ms == 700
    session.connect()
    assert session.retry_after_ms is None


def test_a_taken_over_candidate_says_so() -> None:
    candidate = Candidate()
    candidate.record(10)
    candidate.exchange(10, 10)
    tab = Connection(candidate.server)
    tab.receive('{"type": "hello", "token": "token"}')
    candidate.cut(crash=False)
    candidate.connect()
    assert candidate.connection is not None
    code = candidate.connection.close_code
    assert code == 4506
    assert candidate.session.closed(code) is AfterClose.OVER
    assert isinstance(candidate.session.fault, TakenOver)


def test_a_refreshed_token_is_told_at_once_and_kept_for_later() -> None:
    session = StreamSession("old")
    session.refresh("new")
    assert '"token":"new"' in session.connect()
    session.receive(encode(StreamReady(stream=1, offset=0, held=0, window_ms=60000, max_message_bytes=1000)))
    assert session.next_message() is None
    session.record(frames(0, 3))
    session.refresh("newer")
    assert session.next_message() == '{"type":"refresh","token":"newer"}'
    assert isinstance(session.next_message(), bytes)


def test_audio_that_the_server_would_refuse_is_refused_here() -> None:
    session = StreamSession("token")
    with pytest.raises(BadAudio):
        session.record(bytes(range(256)) * 400)


def test_after_finish_nothing_can_be_recorded() -> None:
    session = StreamSession("token")
    session.finish()
    with pytest.raises(ValueError, match="finish"):
        session.record(b"x")
    with pytest.raises(ValueError, match="finish"):
        session.lose(10)


@pytest.mark.parametrize(
    "text",
    [
        '{"type": "stored", "offset": 0, "window": 0}',
        '{"type": "finished", "offset": 0, "windows": 0}',
        '{"type": "ready", "stream": 1, "offset": 5, "held": 0, "window_ms": 60000, "max_message_bytes": 65536}',
        '{"type": "ready", "stream": 1, "offset": 0, "held": 3, "window_ms": 60000, "max_message_bytes": 65536}',
        '{"type": "tick", "last_id": 1}',
        "not json",
    ],
)
def test_a_server_that_breaks_the_protocol_is_named(text: str) -> None:
    session = StreamSession("token")
    session.connect()
    with pytest.raises(ServerFault):
        session.receive(text)
    assert session.closed(1006) is AfterClose.RETRY
