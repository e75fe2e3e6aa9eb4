"""What the proctors are shown of a candidate's line."""

from __future__ import annotations

import pytest

from tests.store.tab import Store, Tab
from undertone.store.presence import Presence

pytestmark = pytest.mark.anyio


class TestPresence:
    async def test_degraded_is_said_at_most_once_a_minute(self, store: Store) -> None:
        presence = Presence(store.database, store.moved.append, "node-a")
        tab = await Tab(store, store.streams()).hello()
        assert tab.owner
        for _ in range(2):
            await presence.degraded(tab.owner)
            await presence.streaming(tab.owner)
        assert [kind for kind, _ in await store.events()] == [
            "candidate_streaming",
            "candidate_degraded",
            "candidate_streaming",
        ]

    async def test_lost_only_if_nobody_came_back(self, store: Store) -> None:
        presence = Presence(store.database, store.moved.append, "node-a")
        tab = await Tab(store, store.streams()).hello()
        assert tab.owner
        await presence.lost(tab.owner, "gone")  # the line is still held
        await tab.lost()
        again = await Tab(store, store.streams("node-b"), stream=1).hello()
        await presence.lost(tab.owner, "gone")  # somebody came back
        assert [kind for kind, _ in await store.events()] == ["candidate_streaming"]
        await again.lost()
        assert again.owner
        await presence.lost(again.owner, "gone")
        assert (await store.events())[-1] == ("candidate_lost", {"stream": 1, "reason": "gone"})
        await Tab(store, store.streams("node-b"), stream=1).hello()
        assert (await store.events())[-1] == ("candidate_streaming", {"stream": 1})

    async def test_who_was_taken_for_lost_and_goes_on_is_streaming(self, store: Store) -> None:
        """A node that stood still comes back: its lines are still its own."""
        presence = Presence(store.database, store.moved.append, "node-a")
        tab = await Tab(store, store.streams("node-a")).hello()
        await store.database.execute("update participants set node = null, state = 'lost'")
        assert tab.owner
        await presence.streaming(tab.owner)
        assert await store.rows("select node, state from participants") == [{"node": "node-a", "state": "streaming"}]

    async def test_lines_that_nobody_holds_are_found(self, store: Store) -> None:
        presence = Presence(store.database, store.moved.append, "node-a")
        tab = await Tab(store, store.streams("node-a")).hello()
        assert await presence.held() == [tab.owner]
        [line] = await presence.lines([("m", "p")])
        assert (line["node"], line["state"], line["ended_at"]) == ("node-a", "streaming", None)
        assert [line["generation"] for line in await presence.lines([("m", "nobody")])] == [None]

    async def test_a_line_that_was_taken_for_nobodys_is_claimed_back(self, store: Store) -> None:
        presence = Presence(store.database, store.moved.append, "node-a")
        tab = await Tab(store, store.streams("node-a")).hello()
        assert tab.owner
        for state in ("silent", "lost"):
            await store.database.execute("update participants set node = null, state = :state", {"state": state})
            await presence.reclaim(tab.owner, state)
            assert (await store.rows("select node from participants")) == [{"node": "node-a"}]
        assert (await store.rows("select state from participants")) == [{"state": "streaming"}]
