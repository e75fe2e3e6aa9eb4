"""What crosses the sockets: every shape survives the wire, and whatever else comes is `bad_message`, nothing worse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from undertone.core import messages
from undertone.core.errors import CLOSE_CODES, BadMessage, RemoteFault
from undertone.core.events import EVENT_KINDS, decode_event
from undertone.core.messages import (
    FROM_CANDIDATE,
    FROM_PROCTOR,
    TO_CANDIDATE,
    TO_PROCTOR,
    ChannelHello,
    ChannelReady,
    Error,
    EventMessage,
    Gap,
    Message,
    Refresh,
    Review,
    StreamHello,
    decode_from_candidate,
    decode_from_proctor,
    decode_to_candidate,
    decode_to_proctor,
    encode,
    error_message,
)

DECODERS: list[tuple[Callable[[str | bytes], Any], tuple[type[Message], ...]]] = [
    (decode_from_candidate, FROM_CANDIDATE),
    (decode_to_candidate, TO_CANDIDATE),
    (decode_from_proctor, FROM_PROCTOR),
    (decode_to_proctor, TO_PROCTOR),
]
ALL = [decoder for decoder, _ in DECODERS] + [decode_event]

TAGS = sorted({str(kind.__struct_config__.tag) for _, kinds in DECODERS for kind in kinds})
FIELDS = sorted({name for _, kinds in DECODERS for kind in kinds for name in kind.__struct_fields__})

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
# Messages of about the right shape: a known type, known fields, any values.
NEARLY = st.builds(
    lambda tag, fields: {"type": tag, **fields},
    st.sampled_from(TAGS) | VALUES,
    st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5),
)


def outcome(decode: Callable[[str | bytes], Any], data: str | bytes) -> str:
    """Decoded or refused; any other exception is the failure these tests look for."""
    try:
        decode(data)
    except BadMessage as wrong:
        detail = wrong.detail
    else:
        return "decoded"
    assert 0 < len(detail) <= 500
    return "refused"


@pytest.mark.parametrize("decode", ALL)
@given(data=st.binary(max_size=200) | st.text(max_size=200))
@settings(max_examples=40)
def test_any_bytes_are_a_message_or_refused(decode: Callable[[str | bytes], Any], data: str | bytes) -> None:
    outcome(decode, data)


@pytest.mark.parametrize("decode", ALL)
@given(message=NEARLY)
@settings(max_examples=50)
def test_any_json_is_a_message_or_refused(decode: Callable[[str | bytes], Any], message: dict[str, Any]) -> None:
    outcome(decode, json.dumps(message))


@pytest.mark.parametrize(("decode", "kinds"), DECODERS)
@given(data=st.data())
@settings(max_examples=50)
def test_a_real_message_with_a_byte_changed_is_a_message_or_refused(
    decode: Callable[[str | bytes], Any], kinds: tuple[type[Message], ...], data: st.DataObject
) -> None:
    raw = bytearray(encode(data.draw(st.sampled_from([SAMPLES[kind] for kind in kinds]))).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    outcome(decode, bytes(raw))
    outcome(decode, bytes(raw[:at]))


@pytest.mark.parametrize("decode", ALL)
@pytest.mark.parametrize(
    "data",
    [
        "",
        "null",
        "[]",
        "{}",
        '"hello"',
        "[" * 100_000,
        '{"type":' + "[" * 100_000,
        '{"a":' * 50_000,
        "\ud800",
        b"\xff\xfe",
        '{"type":"hello","token":"\\ud800"}',
        '{"type":"hello","type":"gap"}',
        '{"type":"no such type"}',
        '{"type":1}',
        "1" * 5_000,
        '{"type":"gap","offset":1e400,"lost_ms":0}',
    ],
    ids=lambda data: repr(data[:30]),
)
def test_hostile_json_is_refused(decode: Callable[[str | bytes], Any], data: str | bytes) -> None:
    assert outcome(decode, data) == "refused"


SAMPLES: dict[type[Message], Message] = {
    StreamHello: StreamHello(token="t", stream=2, buffered_from=9, format=messages.AudioFormat(bitrate=64_000)),
    Gap: Gap(offset=5, lost_ms=7),
    messages.Finish: messages.Finish(),
    Refresh: Refresh(token="t"),
    messages.StreamReady: messages.StreamReady(stream=1, offset=3, held=4, window_ms=60_000, max_message_bytes=65_536),
    messages.Stored: messages.Stored(offset=480_000, window=0),
    messages.Finished: messages.Finished(offset=1, windows=1),
    messages.Expiring: messages.Expiring(at="2026-01-01T00:00:00.000Z"),
    Error: Error(code="draining", detail="why", retry_after_ms=3),
    ChannelHello: ChannelHello(meeting="m", token="t", name="Ana", after=messages.Cursor(epoch="e", id=3)),
    Review: Review(key="k", anomaly="a", decision="confirmed", note="n"),
    ChannelReady: ChannelReady(meeting="m", epoch="e", recovered=False, last_id=3, candidates=[], anomalies=[]),
    EventMessage: EventMessage(id=4, kind="meeting_ended", at="2026-01-01T00:00:00.000Z"),
    messages.Tick: messages.Tick(last_id=4),
}


@pytest.mark.parametrize(("decode", "kinds"), DECODERS)
def test_every_message_survives_the_wire(
    decode: Callable[[str | bytes], Any], kinds: tuple[type[Message], ...]
) -> None:
    for kind in kinds:
        text = encode(SAMPLES[kind])
        assert json.loads(text)["type"] == kind.__struct_config__.tag
        assert decode(text) == decode(text.encode()) == SAMPLES[kind]


def test_the_lists_and_the_unions_name_the_same_messages() -> None:
    for listed, union in (
        (FROM_CANDIDATE, messages.FromCandidate),
        (TO_CANDIDATE, messages.ToCandidate),
        (FROM_PROCTOR, messages.FromProctor),
        (TO_PROCTOR, messages.ToProctor),
    ):
        assert set(listed) == set(get_args(union))


@pytest.mark.parametrize("decode", [decode_from_candidate, decode_from_proctor])
def test_a_message_of_the_other_direction_is_refused(decode: Callable[[str | bytes], Any]) -> None:
    for kind in (messages.Stored, messages.Tick, messages.Expiring, Error, EventMessage):
        assert outcome(decode, encode(SAMPLES[kind])) == "refused"


@pytest.mark.parametrize("hint", ['"mp3"', "7", "[]", '{"sample_rate":44100.5}', '{"bitrate":"64k"}', '{"codec":null}'])
def test_a_hint_of_another_shape_is_none(hint: str) -> None:
    assert decode_from_candidate(f'{{"type":"hello","token":"t","format":{hint}}}') == StreamHello(token="t")
    for wrong in ('"token":7', '"stream":"x"', '"type":"`$.format"', ""):
        with pytest.raises(BadMessage):
            decode_from_candidate(f'{{"type":"hello",{wrong},"format":{hint}}}')


def test_fields_of_a_newer_client_are_ignored() -> None:
    assert decode_from_candidate('{"type":"finish","soon":true}') == messages.Finish()


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"gap","offset":-1,"lost_ms":0}',
        '{"type":"gap","offset":1125899906842625,"lost_ms":0}',
        '{"type":"gap","offset":1.5,"lost_ms":0}',
        '{"type":"gap","offset":"1","lost_ms":0}',
        '{"type":"gap","offset":0,"lost_ms":604800001}',
        '{"type":"gap","offset":0}',
        '{"type":"hello","token":"' + "x" * 4097 + '"}',
        '{"type":"hello","token":"t","buffered_from":-1}',
    ],
)
def test_a_candidate_s_numbers_and_texts_have_bounds(text: str) -> None:
    assert outcome(decode_from_candidate, text) == "refused"


@pytest.mark.parametrize(
    "fields",
    [
        {"key": "not a key"},
        {"key": "x" * 65},
        {"key": ""},
        {"decision": "maybe"},
        {"note": "nul \x00"},
        {"note": "x" * 2001},
        {"anomaly": "x" * 201},
    ],
)
def test_a_review_s_texts_have_bounds(fields: dict[str, str]) -> None:
    review = {"type": "review", "key": "k", "anomaly": "a", "decision": "open", **fields}
    assert outcome(decode_from_proctor, json.dumps(review)) == "refused"


@pytest.mark.parametrize("fault", CLOSE_CODES)
def test_every_fault_has_a_message(fault: type[RemoteFault]) -> None:
    assert decode_to_proctor(encode(error_message(fault("why", 5)))) == Error(
        code=fault.code, detail="why", retry_after_ms=5
    )
    assert "retry_after_ms" not in encode(error_message(fault("why")))


def test_an_event_of_a_kind_from_the_future_is_handed_on_without_its_body() -> None:
    event = decode_event('{"type":"event","id":1,"kind":"moon_rose","at":"x","phase":3}')
    assert (event.id, event.kind, event.body) == (1, "moon_rose", None)


@pytest.mark.parametrize("kind", EVENT_KINDS)
def test_an_event_without_its_kind_s_fields_is_refused_where_they_are_needed(kind: str) -> None:
    needed = [field for field in msgspec.structs.fields(EVENT_KINDS[kind]) if field.required]
    text = json.dumps({"type": "event", "id": 1, "kind": kind, "at": "x"})
    assert outcome(decode_event, text) == ("refused" if needed else "decoded")
