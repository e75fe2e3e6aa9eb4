"""What a hostile or broken client sends and what it gets: read by the tests that send it and by docs/generate.py.

Nothing is imported here: the page is made from it without a test's libraries.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Row(NamedTuple):
    """One kind of rubbish. `gets`: a close code from 1000 up, an HTTP status, or 0 for no word; `on`: to what."""

    key: str  # of its sender
    on: str
    sends: str
    gets: int
    why: str


ROWS: Final = (
    # --- sound that is none
    Row("jpeg", "/stream", "a JPEG", 4504, "64 KiB without two frame headers that agree"),
    Row("wav", "/stream", "a WAV file", 4504, "the detail says that it looks like one"),
    Row("ogg", "/stream", "an Ogg stream", 4504, "a container is not searched for MP3"),
    Row("aac", "/stream", "AAC in ADTS", 4504, "its sync word says layer 0, which MPEG audio has not"),
    Row("layer_2", "/stream", "MPEG Layer II", 4504, "real frames of the wrong layer"),
    Row("free_format", "/stream", "frames of free format", 4504, "such frames don't tell their size"),
    Row("silence", "/stream", "zeros", 4504, "no frame in 64 KiB"),
    Row("noise", "/stream", "random bytes without a frame", 4504, "no frame in 64 KiB"),
    Row("huge_tag", "/stream", "an ID3 tag that announces 256 MB", 4504, "a tag past 16 MB is junk, not skipped"),
    Row("format_flip", "/stream", "another sample rate in every frame", 4504, "no two headers agree"),
    Row("format_change", "/stream", "another sample rate in mid-stream", 4007, "the next stream begins there"),
    Row("huge_junk", "/stream", "64 KiB of junk between frames", 4504, "what came before it is kept"),
    Row("some_junk", "/stream", "a little junk between frames", 1000, "the search finds the next frame"),
    Row("bitrate_flip", "/stream", "another bit rate in every frame", 1000, "that is VBR, and allowed"),
    Row(
        "main_data", "/stream", "frames that point back before the stream's start", 1000, "a lead-in has what there is"
    ),
    Row("nothing", "/stream", "`finish` and no sound", 1000, "a stream of 0 windows"),
    Row("byte_by_byte", "/stream", "one byte a message", 1000, "messages may end anywhere"),
    Row("empty_flood", "/stream", "thousands of empty messages", 1000, "they hold nothing and cost nothing"),
    Row("too_fast", "/stream", "more than 20 minutes of sound at once", 4004, "refused before it is taken in"),
    # --- messages
    Row("not_json", "/stream", "text that is no JSON", 4500, "not a message"),
    Row("deep_json", "/stream", "JSON nested 30,000 deep", 4500, "the parser stops at a depth"),
    Row("deep_json_channel", "/channel", "JSON nested 30,000 deep", 4500, "the parser stops at a depth"),
    Row("nan", "/stream", "NaN for a number", 4500, "JSON has none"),
    Row("huge_number", "/stream", "a number of 20,000 digits", 4500, "out of bounds"),
    Row("nul", "/channel", "NUL in a name", 4500, "PostgreSQL keeps none"),
    Row("surrogate", "/channel", "half a surrogate pair", 4500, "no character"),
    Row("duplicate_keys", "/stream", "the same key twice, the second time wrong", 4500, "the last one counts"),
    Row("not_utf8", "/stream", "text that is not UTF-8", 1007, "the WebSocket layer closes by itself"),
    Row("wrong_type", "/stream", "an object for the token", 4500, "the wrong shape"),
    Row("list", "/stream", "a list", 4500, "messages are objects"),
    Row("unknown_type", "/stream", "an unknown `type`", 4500, "not of this protocol"),
    Row("text_flood", "/stream", "hundreds of `gap`s at once", 4004, "60 texts, then one a second"),
    Row("review_flood", "/channel", "a hundred reviews, then a second `hello`", 4500, "reviews are answered by errors"),
    Row("ping_flood", "/stream", "thousands of pings", 1000, "answered by the WebSocket layer"),
    # --- the wrong moment
    Row("audio_first", "/stream", "sound before `hello`", 4500, "the first message is `hello`"),
    Row("gap_first", "/stream", "`gap` before `hello`", 4500, "the first message is `hello`"),
    Row("early_gap", "/stream", "`hello` and, before `ready`, `gap`", 4500, "wait for `ready`"),
    Row("hello_twice", "/stream", "`hello` twice", 4500, "one socket is one stream"),
    Row("finish_twice", "/stream", "`finish` twice", 1000, "said once too often"),
    Row("audio_after_finish", "/stream", "sound right after `finish`", 4500, "the stream is over"),
    Row("review_first", "/channel", "a review before `hello`", 4500, "say `hello` first"),
    Row("early_review", "/channel", "`hello` and, before `ready`, a review", 4500, "await `ready`"),
    Row("channel_binary", "/channel", "sound", 4500, "a proctor's messages are text"),
    Row("silent", "/stream", "nothing for 5 s", 4005, "`hello` is due"),
    # --- numbers
    Row("stream_0", "/stream", "stream 0", 4509, "streams count from 1"),
    Row("stream_negative", "/stream", "stream −1", 4509, "streams count from 1"),
    Row("stream_huge", "/stream", "stream 2^63", 4500, "no exact JSON number"),
    Row("stream_unknown", "/stream", "a stream that was never begun", 4509, "`hello` without `stream` begins one"),
    Row("buffered_huge", "/stream", "`buffered_from` beyond 2^53", 4500, "out of bounds"),
    Row("gap_negative", "/stream", "a gap at byte −1", 4500, "out of bounds"),
    Row("gap_back", "/stream", "a gap behind the position that was never said", 4500, "what is held was not lost"),
    Row("gap_huge", "/stream", "a gap that lost 2^63 ms", 4500, "out of bounds"),
    Row("gap_owed", "/stream", "sound where a gap is owed", 4500, "the first message is the gap"),
    Row("cursor_huge", "/channel", "a cursor at event 2^63", 4500, "out of bounds"),
    # --- credentials
    Row("no_token", "/stream", "no token", 4501, "no valid credential"),
    Row("no_credential", "/channel", "no credential", 4501, "no valid credential"),
    Row("both_credentials", "/channel", "`admin_id` and `token`", 4500, "exactly one is taken"),
    Row("other_secret", "/stream", "a token signed with another secret", 4501, "not ours"),
    Row("alg_none", "/stream", "a token of algorithm `none`", 4501, "HS256 alone is taken"),
    Row("alg_rs256", "/stream", "a token that claims RS256", 4501, "HS256 alone is taken"),
    Row("expired", "/stream", "an expired token", 4006, "renew it"),
    Row("no_exp", "/stream", "a token that never ends", 4501, "`exp` is required"),
    Row("proctor_streams", "/stream", "a proctor's token", 4502, "a candidate's is needed"),
    Row("candidate_watches", "/channel", "a candidate's token", 4502, "a proctor's is needed"),
    Row("other_meeting", "/channel", "a proctor's token of another meeting", 4502, "the token is for another meeting"),
    Row("rewritten", "/stream", "a token with another meeting written into it", 4501, "the signature covers it"),
    Row("unknown_meeting", "/stream", "a valid token of a meeting that is not", 4509, "no such meeting"),
    Row("revoked", "/stream", "the token of a revoked candidate", 4508, "it stays revoked"),
    Row("others_stream", "/stream", "the number of somebody else's stream", 4509, "numbers count per candidate"),
    Row("bad_tokens", "/stream", "300 `hello`s with bad tokens", 4501, "each is told"),
    # --- the WebSocket itself
    Row("too_large", "/stream", "a message of 64 KiB and a byte", 1009, "the WebSocket layer closes by itself"),
    Row("fragments", "/stream", "one message of endless fragments", 1009, "counted over all fragments"),
    Row("deflated", "/stream", "a compressed message", 1002, "deflate was offered and not taken"),
    Row("unmasked", "/stream", "a frame without a mask", 1002, "RFC 6455 section 5.1"),
    Row("subprotocol", "/stream", "an unknown subprotocol", 4503, "accepted by echo, then told"),
    Row("origin", "/channel", "an Origin that is not allowed", 4502, "told, for a browser can't see a refusal"),
    Row("elsewhere", "/meetings", "a WebSocket handshake", 403, "sockets are at two paths alone"),
    Row("silent_crowd", "/stream", "300 sockets of one address without `hello`", 4004, "64 an address; others get in"),
    Row("silent_city", "/stream", "1,000 sockets of many addresses without `hello`, then one", 4001, "1,000 in all"),
    Row("full", "/stream", "a socket more than UNDERTONE_MAX_SOCKETS", 4001, "another node may have room"),
    # --- HTTP
    Row("large_body", "POST /meetings", "a body of 1 MB", 413, "64 KiB are taken"),
    Row("endless_body", "POST /meetings", "a chunked body of 1 MB", 413, "64 KiB are taken"),
    Row("slow_body", "POST /meetings", "half a body, and no more", 408, "10 s are given"),
    Row("form", "POST /meetings", "a form without a credential", 415, "a foreign page can send one unasked"),
    Row("deep_body", "POST /meetings", "JSON nested 30,000 deep", 400, "the parser stops at a depth"),
    Row("nul_title", "POST /meetings", "NUL in the title", 400, "PostgreSQL keeps none"),
    Row("sql", "POST …/participants", "SQL and HTML for a name", 201, "text is text: kept as it is"),
    Row("sql_id", "GET …/anomalies", "SQL for a meeting's id", 404, "no id looks so"),
    Row("traversal", "GET …/clips/{clip}", "`..%2F..%2Fetc%2Fpasswd`", 404, "a clip's id is looked up, never opened"),
    Row("forged_link", "GET …/clips/{clip}", "a link with another's signature", 403, "the signature is wrong"),
    Row("expired_link", "GET …/clips/{clip}", "a link whose 5 minutes are over", 403, "ask for a new one"),
    Row("bad_range", "GET …/clips/{clip}", "nonsense for a Range", 200, "ignored (RFC 9110 section 14.2)"),
    Row("range_beyond", "GET …/clips/{clip}", "a Range beyond the end", 416, "no byte of it exists"),
    Row("method", "PUT /meetings", "a method that it does not take", 405, "the answer says which it takes"),
    Row("bad_cursor", "GET …/events", "`after=-1`", 400, "a whole number is needed"),
    Row("head_bomb", "the port", "a head of 64 KiB and a byte", 431, "64 KiB are taken"),
    Row("header_bomb", "the port", "a header field of 64 KiB", 431, "64 KiB are taken"),
    Row("half_open", "the port", "half a head, and no more", 408, "10 s are given"),
    Row("half_next", "the port", "half a head after an answer, and no more", 408, "10 s are given to each"),
    Row("empty_line", "the port", "an empty line after an answer, and no more", 200, "closed 10 s later, with no word"),
    Row("early_answer", "the port", "a byte of a body after its answer, and no more", 200, "closed 10 s later"),
    Row("idle", "the port", "nothing after an answer", 200, "closed 5 s later, with no word"),
    Row("mute", "the port", "nothing at all", 0, "closed 10 s later, with no word"),
    Row("trailers", "the port", "64 KiB of trailers, and more", 431, "64 KiB are taken"),
    Row("one_trailer", "the port", "a trailer of 64 KiB, and more", 431, "64 KiB are taken"),
    Row("tls", "the port", "a TLS ClientHello", 400, "no HTTP"),
    Row("garbage", "the port", "random bytes", 400, "no HTTP"),
    Row("smuggled", "the port", "Content-Length and Transfer-Encoding", 400, "one of them lies"),
    Row("non_ascii", "the port", "a path that is not ASCII", 400, "no URL"),
    # Last: it makes the channel long.
    Row("never_reads", "/channel", "a proctor that reads nothing", 4003, "resume by id"),
)


def documented() -> str:
    """The table of docs/protocol.md."""
    head = ["| what is sent | to | what it gets | why |", "|---|---|---|---|"]
    return "\n".join(head + [f"| {row.sends} | {_place(row.on)} | {row.gets or '–'} | {row.why} |" for row in ROWS])


def _place(on: str) -> str:
    return on if on == "the port" else f"`{on}`"
