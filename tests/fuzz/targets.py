"""What the coverage-guided fuzzer feeds bytes to: each target takes any bytes and raises only if a promise is broken.

A target is a function of one `bytes`. The first bytes choose how the rest is cut, where that matters, so that the same
input always does the same.
"""

from __future__ import annotations

import base64
import hmac
import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

import msgspec

from tests.core.mp3_factory import parse
from undertone.core import events, messages, requests
from undertone.core.errors import BadAudio, BadMessage, Draining, Forbidden, TokenExpired, Unauthorized
from undertone.core.frame import HEADER_BYTES, MAX_FRAME_BYTES, read_header
from undertone.core.mp3 import FrameParser
from undertone.core.reservoir import OPENING_BYTES, first_needed, main_data_begin, main_data_bytes
from undertone.core.resync import MAX_JUNK_BYTES
from undertone.core.stream import StreamReceiver
from undertone.core.stream_actions import End, FinishStream, LeavePart, Open, Opening, Send, StoreWindow
from undertone.core.stream_bounds import MAX_PENDING_BYTES
from undertone.core.window import MIN_WINDOW_MS, Resume, WindowClosed, WindowCutter
from undertone.web.tokens import Tokens

# So many bytes of an input say how it is cut.
SEED_BYTES: Final = 2


def cuts(data: bytes) -> tuple[list[bytes], bytes]:
    """The input's audio in pieces, and whole."""
    chance = random.Random(data[:SEED_BYTES])
    audio = data[SEED_BYTES:]
    longest = chance.choice((1, 7, 64, 600))
    pieces, at = [], 0
    while at < len(audio):
        size = chance.randint(0, longest) or 1
        pieces.append(audio[at : at + size])
        at += size
    return pieces, audio


def parser(data: bytes) -> None:
    """However the bytes are cut, the frames are the same; each has a header, and little is held."""
    pieces, audio = cuts(data)
    whole, cut = FrameParser(), FrameParser()
    found = parse(whole, [audio])
    held = 0

    def fed() -> Iterator[bytes]:
        nonlocal held
        for piece in pieces:
            yield piece
            held = max(held, cut.held_bytes)

    assert parse(cut, fed()) == found
    assert str(cut.bad_audio) == str(whole.bad_audio)
    assert cut.format_changed == whole.format_changed
    assert cut.format == whole.format
    assert held <= MAX_JUNK_BYTES + MAX_FRAME_BYTES + 600
    end = 0
    for first, last in found:
        assert end <= first < last
        end = last
        header = read_header(int.from_bytes(audio[first : first + HEADER_BYTES], "big"))
        assert header is not None
        assert header.layer == 3
        assert header.size == last - first
        assert header.format == whole.format


def windows_of(cutter: WindowCutter, pieces: list[bytes]) -> tuple[list[WindowClosed], str]:
    """All windows, the last included, and how it ended."""
    windows: list[WindowClosed] = []
    try:
        for piece in pieces:
            windows += cutter.feed(piece)
        if cutter.bad_audio:
            raise cutter.bad_audio
    except BadAudio as fault:
        return windows, str(fault)
    end = str(cutter.format_changed)
    last = cutter.flush()
    return windows if last is None else [*windows, last], end


def cutter(data: bytes) -> None:
    """However the bytes are cut, and wherever they are taken up again, the windows are the same."""
    pieces, audio = cuts(data)
    windows, end = windows_of(WindowCutter(window_ms=MIN_WINDOW_MS), [audio])
    assert windows_of(WindowCutter(window_ms=MIN_WINDOW_MS), pieces) == (windows, end)
    for number, window in enumerate(windows):
        assert window.window == number
        assert window.samples > 0
        assert 0 <= window.resume.offset <= len(audio)
    for number, window in enumerate(windows[:-1]):
        resumed = WindowCutter(window.resume, MIN_WINDOW_MS)
        assert windows_of(resumed, [audio[window.resume.offset :]]) == (windows[number + 1 :], end)
    taken_up(audio, len(audio) // 2, windows, end)


def taken_up(audio: bytes, at: int, windows: list[WindowClosed], end: str) -> None:
    """A connection that breaks at this byte leaves a part; whoever replays it goes on as if nothing had been."""
    broken = WindowCutter(window_ms=MIN_WINDOW_MS)
    try:
        before = broken.feed(audio[:at])
    except BadAudio:
        return
    if broken.bad_audio or broken.format_changed:
        return
    resume, part = broken.part()
    replaying = WindowCutter(resume, MIN_WINDOW_MS)
    before += replaying.feed(part)
    rest = audio[replaying.position :]
    assert windows_of(replaying, [rest])[0] == windows[len(before) :]


def reservoir(data: bytes) -> None:
    """Of frames that follow each other, the first that a cut needs exists, and holds what is asked for."""
    run = max(FrameParser().feed(data), key=len, default=[0])
    for last in range(1, len(run) - 1):
        begins = [main_data_begin(data[at : at + OPENING_BYTES]) for at in run[: last + 1]]
        first = first_needed(run[:last], begins[last], lambda start, end: data[start:end])
        assert first <= max(0, last - 2)
        for frame in range(max(0, last - 2), last + 1):
            held = sum(main_data_bytes(data[at : at + OPENING_BYTES]) for at in run[first:frame])
            assert first == 0 or held >= begins[frame]
    for at in range(0, len(data) - OPENING_BYTES, 4):
        header = read_header(int.from_bytes(data[at : at + HEADER_BYTES], "big"))
        if header and header.layer == 3 and header.size:
            assert main_data_bytes(data[at : at + OPENING_BYTES]) >= 1


_BODIES: Final = [
    msgspec.json.Decoder(body)
    for body in (
        requests.CreateMeeting,
        requests.CreateParticipant,
        requests.RenewToken,
        requests.ChangeParticipant,
        requests.CreateProctor,
        requests.GiveReview,
    )
]
_DECODERS: Final = (
    messages.decode_from_candidate,
    messages.decode_from_proctor,
    messages.decode_to_candidate,
    messages.decode_to_proctor,
)
_SECRET: Final = "first secret of the fuzzer, long enough"
_TOKENS: Final = Tokens([_SECRET, "second secret of the fuzzer, as long"])


def decoders(data: bytes) -> None:
    """A text message is a message, or a BadMessage, as `str` and as `bytes` alike; and so are the bodies of calls."""
    text = data.decode("utf-8", "surrogateescape")
    for decode in _DECODERS:
        for said in (data, text):
            try:
                message = decode(said)
            except BadMessage:
                continue
            encoded = messages.encode(message)
            assert messages.encode(decode(encoded)) == encoded
        messages.is_review(data)
    try:
        event = events.decode_event(data)
    except BadMessage:
        pass
    else:
        assert (event.body is None) == (event.kind not in events.EVENT_KINDS)
    for decoder in _BODIES:
        with suppress(msgspec.DecodeError, UnicodeError, RecursionError):  # what `web.bodies` answers as BadMessage
            msgspec.json.encode(decoder.decode(data))


def tokens(data: bytes) -> None:
    """A token says who it is for, or is refused with a named fault: as it stands, and with what it claims signed."""
    token = data.decode("utf-8", "surrogateescape")
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').rstrip(b"=")
    signed = head + b"." + base64.urlsafe_b64encode(data).rstrip(b"=")
    mac = hmac.digest(_SECRET.encode(), signed, "sha256")
    for each in (token, (signed + b"." + base64.urlsafe_b64encode(mac).rstrip(b"=")).decode()):
        for allow_expired in (False, True):
            try:
                claims = _TOKENS.verify(each, allow_expired=allow_expired)
            except (Unauthorized, Forbidden, TokenExpired):
                continue
            assert claims.role in ("candidate", "proctor")
            assert 1 <= len(claims.name) <= 200
            assert claims.expires_at.year < 2243


def receiver(data: bytes) -> None:
    """A candidate's connection, told anything in any order: nothing comes after the end, and memory is bounded.

    The input is a sequence of messages: a byte for what comes, two for its length, and the message.
    """
    receiver, now_ms, ended = StreamReceiver(0, max_speed=4), 0, False
    at = 0
    while at + 3 <= len(data):
        what, length = data[at], int.from_bytes(data[at + 1 : at + 3], "big")
        message, at = data[at + 3 : at + 3 + length], at + 3 + length
        now_ms += 100 * (what >> 3)
        match what & 7:
            case 0 | 1 | 2:
                receiver.receive_audio(message, now_ms)
            case 3 | 4:
                receiver.receive_text(message.decode("utf-8", "surrogateescape"), now_ms)
            case 5:
                receiver.handle_timer(now_ms)
            case 6:
                receiver.stop(Draining("this node goes away"), now_ms)
            case _:
                receiver.lost()
        for action in receiver.actions():
            match action:
                case Send() | End():
                    assert not ended
                    ended = isinstance(action, End)
                case Open(hello):
                    opening = Opening(hello.stream or 1, Resume.START, b"", None, 0, None, 0, 600_000)
                    receiver.opened(opening, now_ms)
                case StoreWindow():
                    receiver.window_stored()
                case FinishStream():
                    receiver.stream_finished(0)
                case LeavePart():
                    receiver.part_left()
                case _:
                    pass
        assert receiver.held_bytes <= MAX_PENDING_BYTES + MAX_JUNK_BYTES + len(data)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "parser": parser,
    "cutter": cutter,
    "reservoir": reservoir,
    "receiver": receiver,
    "decoders": decoders,
    "tokens": tokens,
}
