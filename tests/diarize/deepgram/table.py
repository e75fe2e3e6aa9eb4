"""What Deepgram may do and what Undertone does then: read by the tests that have it done, and by docs/engines.md.

`python -m tests.diarize.deepgram.table` writes the page's table. Nothing is imported here but for that.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = Path(__file__).resolve().parents[3] / "docs" / "engines.md"
BLOCK: Final = re.compile(r"(<!-- deepgram: .*? -->\n)(.*?)(<!-- /deepgram -->)", re.DOTALL)


class Row(NamedTuple):
    """One behaviour. `attempts`: how often Undertone asks in all; `says`: a part of the reason, "" where it hears."""

    key: str  # of who behaves so
    does: str
    attempts: int
    then: str
    says: str = ""


ROWS: Final = (
    Row("right", "answers as it should", 1, "the verdict is made from its turns"),
    Row("slow", "answers late, within the deadline", 1, "waits"),
    Row("once_late", "does not answer once within 20 s", 2, "asks again"),
    Row("never", "never answers", 3, "the attempt fails when the window's time is over", "no answer from Deepgram"),
    Row("hangs_up", "hangs up without a word, once", 2, "asks again"),
    Row("breaks_off", "hangs up in the middle of an answer, once", 2, "asks again"),
    Row("not_there", "refuses connections", 6, "the attempt fails", "the line to Deepgram failed"),
    Row("timeout", "408, once", 2, "asks again"),
    Row("upload", "422 `ASR_UNPROCESSABLE_ENTITY` (the upload broke off), once", 2, "asks again"),
    Row("rate", "429 `TOO_MANY_REQUESTS`, once", 2, "asks again after a random pause"),
    Row("rate_after", "429 with `Retry-After`, once", 2, "asks again, not before that"),
    Row("rate_long", "429 with a `Retry-After` past the window's time", 1, "fails at once", "is asked too much (429"),
    Row("rate_always", "429, always", 6, "the attempt fails", "is asked too much (429"),
    Row("internal", "500, once", 2, "asks again"),
    Row("gateway", "502 with a page of HTML, once", 2, "asks again"),
    Row("unavailable", "503, always", 6, "the attempt fails", "could not answer (503"),
    Row("gateway_late", "504, once", 2, "asks again"),
    Row("bad_request", "400 (it can't read the clip, or a parameter)", 1, "never asks again", "does not take the clip"),
    Row("too_large", "413", 1, "never asks again", "does not take the clip (413"),
    Row("key", "401 `INVALID_AUTH`", 1, "never asks again; one line in the log until it is mended", "refuses this"),
    Row("credit", "402 `ASR_PAYMENT_REQUIRED`", 1, "the same", "no credit left"),
    Row("model", "403 `INSUFFICIENT_PERMISSIONS`", 1, "the same", "does not let this service's key use the model"),
    Row("address", "404", 1, "the same", "is not found at the configured address"),
    Row("redirect", "a redirect", 1, "does not follow: the clip goes to the configured address alone", "(302"),
    Row("html", "200 with a page of HTML", 1, "the attempt fails", "makes no sense"),
    Row("other_json", "200 with other JSON", 1, "the attempt fails", "makes no sense"),
    Row("deep_json", "200 with JSON nested 30,000 deep", 1, "the attempt fails", "makes no sense"),
    Row("huge", "200 with more than 256 KiB", 1, "stops reading; the attempt fails", "longer than"),
    Row("compressed", "200, compressed though not asked to", 1, "the attempt fails", "makes no sense"),
    Row("no_alternative", "silence as `alternatives: []`", 1, "nobody speaks"),
    Row("no_words", "silence as `words: []`", 1, "nobody speaks"),
    Row("undiarized", "words and no speakers", 1, "the attempt fails: that is not one voice", "not diarized"),
    Row("some_undiarized", "a few words without a speaker", 1, "those belong to nobody"),
    Row("in_part", "more than 2 s of the clip were not decoded", 1, "the attempt fails: not clean", "heard only"),
    Row("negative", "a time before the clip's start", 1, "the attempt fails", "makes no sense: a word from"),
    Row("beyond", "a time past the clip's end", 1, "the attempt fails", "makes no sense: a word from"),
    Row("backwards", "a word that ends before it begins", 1, "the attempt fails", "makes no sense: a word from"),
    Row("split", "a third speaker for less than half a second", 1, "that is no voice, as with every engine"),
)


def documented() -> str:
    """The table of docs/engines.md."""
    head = ["| Deepgram | requests | Undertone |", "|---|---|---|"]
    return "\n".join([*head, *(f"| {row.does} | {row.attempts} | {row.then}{_reason(row)} |" for row in ROWS)]) + "\n"


def _reason(row: Row) -> str:
    return f" (“…{row.says}…”)" if row.says else ""


def with_table(text: str) -> str:
    """The page's text with the table as it should be."""
    return BLOCK.sub(lambda match: match[1] + documented() + match[3], text)


if __name__ == "__main__":
    PAGE.write_text(with_table(PAGE.read_text()))
