"""A meeting, and a browser that keeps what its elements tell."""

from __future__ import annotations

import pytest

from tests.browser.candidate.exam import LISTENING, Exam
from tests.browser.visitor import Visitor
from tests.serving import Server


@pytest.fixture
def exam(server: Server) -> Exam:
    return Exam.create(server)


@pytest.fixture
async def listening(visitor: Visitor) -> Visitor:
    """A visitor whose pages keep what the element tells in `told`."""
    await visitor.context.add_init_script(LISTENING)
    return visitor
