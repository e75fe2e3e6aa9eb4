"""What a bucket does when it does not do what was asked, and what Undertone does then: read by the tests that make it
happen and by docs/generate.py.

Nothing but the standard library is imported here: the page is made from it without a test's libraries.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Row(NamedTuple):
    """One behaviour. `away`: what the fault is called while exams go on, empty if the clip is stored all the same;
    `at_start`: empty if it starts, `waits`, or a word of the line with which it refuses to."""

    key: str
    does: str
    away: str
    at_start: str
    why: str


WAITS: Final = "waits"

ROWS: Final = (
    Row("slow", "answers after a while", "", "", "within 10 s"),
    Row("once", "says `503 SlowDown` once", "", "", "asked again after 0.1 s, twice at most, within the 10 s"),
    Row("lost", "stores, and the line breaks before its answer", "", "", "asked again: what is there is ours"),
    Row("busy", "says `503 SlowDown` for long", "SlowDown", WAITS, "audio waits, then goes elsewhere"),
    Row("broken", "says `500 InternalError`", "InternalError", WAITS, "as busy"),
    Row("limited", "says `429 TooManyRequests`", "TooManyRequests", WAITS, "as busy"),
    Row("met", "says `409 ConditionalRequestConflict`", "two attempts met", WAITS, "nothing was stored: asked again"),
    Row("silent", "takes the request and never answers", "no answer", WAITS, "given up after 10 s, and hung up on"),
    Row("refused", "nobody listens at its address", "no connection", WAITS, "asked again within the 10 s"),
    Row("unknown", "its host name is not known", "no connection", WAITS, "as refused"),
    Row(
        "page",
        "a proxy's page instead, with `200`",
        "error",
        WAITS,
        "taken for no answer; a delete is made good within the hour",
    ),
    Row("not_found", "a proxy's page instead, with `404`", "status 404", "UNDERTONE_CLIPS_ENDPOINT", "not believed"),
    Row("no_bucket", "says `404 NoSuchBucket`", "NoSuchBucket", "no such bucket", "no clip counts as gone for it"),
    Row("denied", "says `403 AccessDenied`", "AccessDenied", "s3:PutObject", "the line names the rights"),
    Row("key", "says `403 InvalidAccessKeyId`", "InvalidAccessKeyId", "AWS_ACCESS_KEY_ID", "a wrong key"),
    Row("secret", "says `403 SignatureDoesNotMatch`", "SignatureDoesNotMatch", "AWS_ACCESS_KEY_ID", "a wrong secret"),
    Row("expired", "says `400 ExpiredToken`", "ExpiredToken", "not accepted", "credentials of yesterday"),
    Row(
        "clock", "says `403 RequestTimeTooSkewed`", "RequestTimeTooSkewed", "clock is wrong", "15 minutes are let pass"
    ),
    Row("region", "says `400 AuthorizationHeaderMalformed`", "AuthorizationHeaderMalformed", "AWS_REGION", "elsewhere"),
)


BLOCK: Final = re.compile(r"(<!-- bucket: .*? -->\n)(.*?)(<!-- /bucket -->)", re.DOTALL)


def with_table(text: str) -> str:
    """The text of docs/storage.md with the table as it should be."""
    return BLOCK.sub(lambda match: match[1] + documented() + "\n" + match[3], text)


def documented() -> str:
    """The table."""
    head = ["| the bucket | during an exam | at the start | |", "|---|---|---|---|"]
    return "\n".join(head + [f"| {row.does} | {_during(row)} | {_start(row)} | {row.why} |" for row in ROWS])


def _during(row: Row) -> str:
    return f"`{row.away}`" if row.away else "stored"


def _start(row: Row) -> str:
    return {"": "starts", WAITS: "waits, and says so"}.get(row.at_start, f"ends; the line has “{row.at_start}”")
