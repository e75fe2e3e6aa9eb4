"""One read a node, every event once and in order to every subscriber, whatever the notices do."""

from __future__ import annotations

import random

import anyio
import pytest

from tests.web.hub.house import House, Watcher, until
from undertone.web.hub import CHUNK, SENDS_PER_TURN

pytestmark = [pytest.mark.anyio, pytest.mark.slow]


async def test_an_event_is_read_once_and_handed_to_every_subscriber(house: House) -> None:
    await house.meeting()
    watchers = [await house.watch() for _ in range(2 * SENDS_PER_TURN + 50)]
    house.events.pages = 0
    await house.write()
    house.hub.moved("m")
    await until(lambda: watchers[-1].got)
    assert all(watcher.got == [1] for watcher in watchers)
    assert house.events.pages == 1
    assert house.hub.subscribers == len(watchers)


async def test_subscribers_of_another_meeting_hear_nothing(house: House) -> None:
    await house.meeting("m")
    await house.meeting("other")
    mine, theirs = await house.watch("m"), await house.watch("other")
    await house.write(meeting="m")
    for meeting in ("m", "other", "unheard of"):
        house.hub.moved(meeting)
    await until(lambda: mine.got)
    await anyio.sleep(0.05)
    assert theirs.got == []


async def test_nobody_misses_anything_while_many_write_join_and_leave(house: House) -> None:
    """Notices are early, late, doubled and lost, as it pleases the dice."""
    await house.meeting()
    dice = random.Random(7)
    watchers: list[tuple[Watcher, int]] = []
    left: list[Watcher] = []

    async def write(rounds: int) -> None:
        for _ in range(rounds):
            if dice.random() < 0.3:
                house.hub.moved("m")
            await house.write(dice.randint(1, 3))
            if dice.random() < 0.7:
                house.hub.moved("m")

    async def come_and_go() -> None:
        for _ in range(40):
            watcher = await house.watch()
            watchers.append((watcher, watcher.ordering.last))
            await anyio.sleep(dice.random() * 0.01)
            if dice.random() < 0.3:
                house.hub.unsubscribe("m", watcher)
                left.append(watcher)

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(write, 30)
        tasks.start_soon(come_and_go)
    last = await house.write()
    house.hub.moved("m")
    stayed = [(watcher, at) for watcher, at in watchers if watcher not in left]
    await until(lambda: all(watcher.ordering.last == last for watcher, _ in stayed))
    for watcher, joined_at in stayed:
        assert watcher.got == list(range(joined_at + 1, last + 1))
    for watcher in left:
        assert watcher.got == list(range(watcher.got[0], watcher.got[-1] + 1)) if watcher.got else True


async def test_a_lost_notice_costs_seconds_not_events(compared_often: None, house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.write(3)
    await until(lambda: watcher.got == [1, 2, 3])
    await house.meetings.delete("m")
    await until(lambda: watcher.faults)


async def test_a_reconnected_listener_reads_everything_and_asks_everybody_again(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.write(2)
    house.hub.reconnected()
    await until(lambda: watcher.got == [1, 2])
    assert watcher.checked == 1


async def test_a_backlog_comes_in_pieces_that_fit_a_socket(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    last = await house.write(300, reason="x" * 2_000)
    house.hub.moved("m")
    await until(lambda: watcher.got == list(range(1, last + 1)))
    assert len(watcher.batches) > 9
    assert max(watcher.batches) <= CHUNK


async def test_an_event_larger_than_a_piece_comes_alone(house: House) -> None:
    await house.meeting()
    watcher = await house.watch()
    await house.write()
    await house.write(reason="x" * 2 * CHUNK)
    await house.write()
    house.hub.moved("m")
    await until(lambda: watcher.got == [1, 2, 3])
    assert len(watcher.batches) == 3
