"""What a room provider may do and what Undertone does then: read by the tests that do it and by docs/generate.py.

Nothing is imported here: the page is made from it without a test's libraries.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

KITS: Final = ("realtimekit", "dyte")
ALL: Final = (*KITS, "livekit")


class Row(NamedTuple):
    """One kind of behaviour.

    `answers`: what the vendor answers to the calls in turn: an HTTP status (0: rightly) and, with it, words of its own;
    or "slow", "garbage", "html", "cut", "huge", "gone". After them it answers rightly, unless `stays`.
    `ends`: "ok", "unavailable" (an error in words, with HTTP 503) or "misset" (the server does not start).
    """

    key: str
    when: str  # start, create, join, end
    vendor: str
    does: str
    answers: tuple[Any, ...]
    ends: str
    calls: int  # how often the vendor is asked
    says: str = ""  # a part of the error's words
    retry_after_s: int | None = None
    stays: bool = False
    on: tuple[str, ...] = ALL


QUOTA: Final = "quota exceeded"

ROWS: Final = (
    # --- as the server starts
    Row("start", "start", "answers rightly", "starts", (), "ok", 1),
    Row(
        "start_key",
        "start",
        "401: does not know the key",
        "exits with one line that names the setting",
        ((401, "Authentication error"),),
        "misset",
        1,
        "does not know our key",
    ),
    Row(
        "start_forbidden",
        "start",
        "403: the key may not",
        "exits with one line",
        ((403, "no permission"),),
        "misset",
        1,
        "refuses our key",
    ),
    Row(
        "start_nowhere",
        "start",
        "404: no such account, or no such service",
        "exits with one line that names the setting",
        (404,),
        "misset",
        1,
        "404",
    ),
    Row(
        "start_html",
        "start",
        "a web page, with 200",
        "exits: the address is that of something else",
        ("html",),
        "misset",
        1,
        "is its address right",
    ),
    Row(
        "start_preset",
        "start",
        "does not list a preset that is set",
        "exits and names those that there are",
        ("presets",),
        "misset",
        1,
        "has no preset group_call_participant, but host",
        on=KITS,
    ),
    Row(
        "start_down",
        "start",
        "500, again and again",
        "warns and serves: exams are heard without it",
        (500,),
        "unavailable",
        3,
        "failed (500",
        stays=True,
    ),
    Row(
        "start_gone",
        "start",
        "can't be reached",
        "warns and serves",
        ("gone",),
        "unavailable",
        0,
        "can't be reached",
        stays=True,
    ),
    # --- as a meeting is created
    Row("create", "create", "answers rightly", "creates the meeting", (), "ok", 1),
    Row("create_limited", "create", "429 once", "asks again, with jitter", (429,), "ok", 2),
    Row(
        "create_limited_long",
        "create",
        "429 with `Retry-After: 240`",
        "503 at once, `Retry-After` handed on",
        ((429, "More than 1200 requests per 300 seconds reached", 240),),
        "unavailable",
        1,
        "takes no more calls from our account for now",
        240,
    ),
    Row("create_busy", "create", "503 twice", "asks again", (503, 503), "ok", 3),
    Row("create_down", "create", "503, again and again", "503", (503,), "unavailable", 3, "failed (503", stays=True),
    Row(
        "create_failed",
        "create",
        "500",
        "503; not asked again, since the first meeting may exist",
        (500,),
        "unavailable",
        1,
        "failed (500",
        on=KITS,
    ),
    Row("create_failed_named", "create", "500", "asks again: the room has our name", (500,), "ok", 2, on=("livekit",)),
    Row(
        "create_slow",
        "create",
        "no answer",
        "503 after 4 s; not asked again, since the first meeting may exist",
        ("slow",),
        "unavailable",
        1,
        "did not answer within",
        on=KITS,
    ),
    Row("create_slow_named", "create", "no answer once", "asks again", ("slow",), "ok", 2, on=("livekit",)),
    Row(
        "create_silent",
        "create",
        "no answer, again and again",
        "503 after 10 s at most",
        ("slow",),
        "unavailable",
        3,
        "did not answer within",
        stays=True,
        on=("livekit",),
    ),
    Row(
        "create_gone",
        "create",
        "can't be reached",
        "503 after three tries",
        ("gone",),
        "unavailable",
        0,
        "can't be reached",
        stays=True,
    ),
    Row(
        "create_key",
        "create",
        "401: the key was revoked",
        "503 that names the setting; not asked again",
        ((401, "Authentication error"),),
        "unavailable",
        1,
        "does not know our key",
    ),
    Row(
        "create_paid",
        "create",
        "402: out of quota",
        "503 that says so",
        ((402, QUOTA),),
        "unavailable",
        1,
        "our quota is used up (402, “quota exceeded”)",
    ),
    Row(
        "create_quota",
        "create",
        "403: out of quota, or the key may not",
        "503 that says so",
        ((403, QUOTA),),
        "unavailable",
        1,
        "our quota is used up (403, “quota exceeded”)",
    ),
    Row(
        "create_refused",
        "create",
        "422: refuses the title",
        "503 with the vendor's words",
        ((422, "title is too long"),),
        "unavailable",
        1,
        "answered 422, “title is too long”",
    ),
    Row(
        "create_echo", "create", "an error that repeats our key", "blots it out", ("echo",), "unavailable", 1, "“bad …”"
    ),
    Row(
        "create_garbage",
        "create",
        "200 and bytes that are no JSON",
        "503",
        ("garbage",),
        "unavailable",
        1,
        "is its address right",
    ),
    Row("create_empty", "create", "200 without the meeting", "503", ("empty",), "unavailable", 1, "answered without"),
    Row(
        "create_redirected",
        "create",
        "302 to elsewhere",
        "503; the key goes nowhere else",
        ("moved",),
        "unavailable",
        1,
        "a redirection (302)",
    ),
    Row(
        "create_huge",
        "create",
        "an answer without end",
        "503 after 1 MiB",
        ("huge",),
        "unavailable",
        1,
        "answered without an end",
    ),
    Row("create_cut", "create", "breaks off in mid-answer", "503", ("cut",), "unavailable", 1, "broke off", on=KITS),
    Row("create_cut_named", "create", "breaks off once", "asks again", ("cut",), "ok", 2, on=("livekit",)),
    # --- as somebody joins
    Row("join", "join", "answers rightly", "hands on the provider's token beside ours", (), "ok", 1, on=KITS),
    Row("join_unasked", "join", "is not asked", "signs the join token itself", ("gone",), "ok", 0, on=("livekit",)),
    Row("join_busy", "join", "503 once", "asks again", (503,), "ok", 2, on=KITS),
    Row("join_slow", "join", "no answer once", "asks again", ("slow",), "ok", 2, on=KITS),
    Row(
        "join_silent",
        "join",
        "no answer, again and again",
        "lets in without video after 5 s at most; others meanwhile at once",
        ("slow",),
        "unavailable",
        3,
        "did not answer within",
        stays=True,
        on=KITS,
    ),
    Row(
        "join_limited",
        "join",
        "429 with `Retry-After: 240`",
        "lets in without video at once, and for the next minute without asking",
        ((429, "More than 1200 requests per 300 seconds reached", 240),),
        "unavailable",
        1,
        "takes no more calls",
        240,
        on=KITS,
    ),
    Row(
        "join_preset",
        "join",
        "404: the preset was deleted",
        "lets in without video",
        ((404, "No preset found"),),
        "unavailable",
        1,
        "answered 404, “No preset found”",
        on=KITS,
    ),
    Row(
        "join_quota",
        "join",
        "403: out of quota",
        "lets in without video",
        ((403, QUOTA),),
        "unavailable",
        1,
        "our quota is used up",
        on=KITS,
    ),
    Row(
        "join_garbage",
        "join",
        "200 and bytes that are no JSON",
        "lets in without video",
        ("garbage",),
        "unavailable",
        1,
        "is its address right",
        on=KITS,
    ),
    # --- as the meeting ends, or is deleted
    Row("end", "end", "answers rightly", "shows everybody out and lets nobody in any more", (), "ok", 2, on=KITS),
    Row("end_room", "end", "answers rightly", "deletes the room", (), "ok", 1, on=("livekit",)),
    Row("end_gone", "end", "404: the room is gone already", "takes it as done", (404, 404), "ok", 2, on=KITS),
    Row("end_gone_room", "end", "404: the room is gone already", "takes it as done", (404,), "ok", 1, on=("livekit",)),
    Row("end_busy", "end", "500 once", "asks again", (500,), "ok", 3, on=KITS),
    Row(
        "end_down",
        "end",
        "500, again and again",
        "204 all the same: the meeting has ended here; a line in the log",
        (500,),
        "unavailable",
        3,
        "failed (500",
        stays=True,
    ),
)

_WHEN: Final = {
    "start": "the server starts",
    "create": "a meeting is created",
    "join": "somebody joins",
    "end": "a meeting ends",
}
_NAMES: Final = {"realtimekit": "RealtimeKit", "dyte": "Dyte", "livekit": "LiveKit"}


def documented() -> str:
    """The table of docs/rooms.md."""
    head = ["| as | the provider | does | Undertone |", "|---|---|---|---|"]
    return "\n".join(head + [f"| {_WHEN[row.when]} | {_on(row)} | {row.vendor} | {row.does} |" for row in ROWS])


def _on(row: Row) -> str:
    return "each" if row.on == ALL else ", ".join(_NAMES[each] for each in row.on)
