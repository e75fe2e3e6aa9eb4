"""The browser's sessions in the games that the Python ones play with the server's own state machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from tests.browser.lent import Channel, Sessions, Stream, lent_sessions
from tests.fuzz.profiles import examples
from tests.fuzz.test_channel_machine import ProctorMachine
from tests.fuzz.test_stream_machine import CandidateMachine

pytestmark = pytest.mark.slow


class BrowserCandidate(CandidateMachine):
    """A candidate whose tab is one."""

    sessions: ClassVar[Sessions]

    def new_session(self) -> Any:
        return Stream(self.sessions, self.token(), keep_ms=self.keep_ms)


class BrowserProctor(ProctorMachine):
    """A proctor whose sidebar is one."""

    sessions: ClassVar[Sessions]

    def new_session(self) -> Any:
        return Channel(self.sessions, str(self.ends))


@pytest.fixture(autouse=True, scope="module")
def sessions() -> Iterator[None]:
    with lent_sessions() as lent:
        BrowserCandidate.sessions = BrowserProctor.sessions = lent
        yield


BrowserCandidate.TestCase.settings = examples(60, steps=60)
BrowserProctor.TestCase.settings = examples(100, steps=60)
TestCandidate = BrowserCandidate.TestCase
TestProctor = BrowserProctor.TestCase
