"""What is said to the port before it is a call: bytes that are no HTTP, heads and trailers without an end, silence."""

from __future__ import annotations

from tests.end_to_end.rubbish.doors import POST
from tests.end_to_end.rubbish.room import SENDERS, House, Sender, last, raw, sends

HEAD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"
BYTES = {
    # A byte too many: with more, the kernel may reset the line before the answer is read.
    "head_bomb": [(HEAD + b"X: a\r\n" * 20_000)[:65_537]],
    "header_bomb": [(HEAD + b"X: ").ljust(65_537, b"a")],
    "half_open": [HEAD],
    "tls": [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500)],
    "garbage": [bytes(range(1, 256)) * 10],
    "smuggled": [POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n"],
    "non_ascii": [b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n"],
}


def _bytes(key: str) -> Sender:
    return lambda house: raw(house, *BYTES[key])


SENDERS.update({key: _bytes(key) for key in BYTES})

# After each of these the line must end; the last answer on it counts.
TO_THE_END = {
    "half_next": [HEAD + b"\r\n", HEAD],
    "empty_line": [HEAD + b"\r\n", b"\r\n"],
    "early_answer": [HEAD + b"Content-Length: 20\r\n\r\n", b"x"],
    "idle": [HEAD + b"\r\n"],
}
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n"


def _to_the_end(key: str) -> Sender:
    return lambda house: last(house, *TO_THE_END[key])


SENDERS.update({key: _to_the_end(key) for key in TO_THE_END})


@sends("mute")
async def mute(house: House) -> int:
    return await last(house)


@sends("trailers")
async def trailers(house: House) -> int:
    return await last(house, CHUNKED, *[b"x: y\r\n" * 1000] * 12)


@sends("one_trailer")
async def one_trailer(house: House) -> int:
    return await last(house, CHUNKED, *[b"x" * 6000] * 12)
