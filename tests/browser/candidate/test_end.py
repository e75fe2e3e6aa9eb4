"""How an exam ends against the candidate's will: who is named, and what is said."""

from __future__ import annotations

import asyncio
import time
from typing import Final

import httpx
import pytest
from playwright.async_api import expect

from tests.browser.candidate.exam import Exam, begin_at_once, join, until
from tests.browser.visitor import Visitor
from undertone.process import SECRET_FILE
from undertone.web.tokens import Tokens

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


@pytest.mark.parametrize(
    ("how", "words"), [("end", "This exam has ended"), ("revoke", "Your access to this exam was withdrawn")]
)
async def test_whoever_ends_it_is_named(listening: Visitor, exam: Exam, how: str, words: str) -> None:
    page = await join(listening, exam)
    await begin_at_once(page)
    headers = {"Authorization": f"Bearer {exam.admin_id}"}
    address = f"{exam.server.url}/meetings/{exam.meeting}"
    if how == "end":
        httpx.post(f"{address}/end", headers=headers).raise_for_status()
    else:
        (joined,) = exam.events("candidate_joined")
        person = f"{address}/participants/{joined['participant']['id']}"
        httpx.patch(person, headers=headers, json={"revoked": True}).raise_for_status()
    await until(page, "failed")
    await expect(page.get_by_text(words)).to_be_visible()
    await expect(page.get_by_role("button", name="Try again")).to_have_count(0)


# A page of an exam platform, which mints the tokens itself. `mint` is the platform's: null where it refuses.
EMBEDDED: Final = """async ({ meeting, token }) => {
  await customElements.whenDefined("undertone-candidate");
  const element = document.createElement("undertone-candidate");
  const renew = async () => {
    const next = await mint();
    if (next === null) throw Object.assign(new Error("the candidate has left the exam"), { final: true });
    return next;
  };
  document.body.replaceChildren(Object.assign(element, { meeting, token, renew, noCheck: true }));
  await element.start();
}"""
LIVES_S: Final = (6, 11)  # the first token, and the one that follows it


async def test_a_token_that_ends_is_renewed_beside_the_recording_and_a_refusal_is_said(
    listening: Visitor, exam: Exam
) -> None:
    secret = (exam.server.data / SECRET_FILE).read_text().strip()
    tokens = [Tokens([secret]).mint("ada", exam.meeting, "candidate", "Ada", lives)[0] for lives in LIVES_S]
    began = time.monotonic()
    asked: list[str | None] = []

    def mint() -> str | None:
        asked.append(tokens.pop() if tokens else None)
        return asked[-1]

    page = await listening.open(exam.link)
    await page.expose_function("mint", mint)
    await page.evaluate(EMBEDDED, {"meeting": exam.meeting, "token": tokens.pop(0)})
    await until(page, "recording")
    await asyncio.sleep(max(0.0, began + LIVES_S[0] + 0.5 - time.monotonic()))
    # Both tokens end within a minute, so both times a new one was asked for at once.
    assert await page.evaluate("told.at(-1)") == "recording"
    assert [token is None for token in asked] == [False, True]
    assert not {"reconnecting", "failed"} & set(await page.evaluate("told"))
    await until(page, "failed")
    await expect(page.get_by_text("Your access to this exam has run out")).to_be_visible()
    assert time.monotonic() - began > LIVES_S[1] - 1, "the second token was used for as long as it lasted"
    assert len(asked) == 3, "asked once more when it had ended"
