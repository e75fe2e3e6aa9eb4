"""The client's calls and connections against a real server: each answer read, each refusal named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.conftest import fresh_database
from tests.serving import Server, running_server
from undertone.core.errors import Forbidden, MeetingEnded, NotFound, Revoked, TakenOver, Unauthorized
from undertone.core.events import Event
from undertone.core.requests import MeetingCreated
from undertone.store.embedded import EmbeddedPostgres
from undertone_client import CallFailed, CandidateStream, Meetings, ProctorChannel, ReviewNotTaken
from undertone_client.simulate.audio import find, load

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

API_KEY = "sixteen-letters-and-more"


@pytest.fixture(scope="module")
def server(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("calls")
    env = {"UNDERTONE_API_KEY": API_KEY}
    with fresh_database(postgres) as url, running_server(folder, database_url=url, env=env) as server:
        yield server


@pytest.fixture
async def meetings(server: Server) -> AsyncIterator[Meetings]:
    async with Meetings(server.url, API_KEY) as meetings:
        yield meetings


@pytest.fixture
async def meeting(meetings: Meetings) -> MeetingCreated:
    return await meetings.create("Algebra")


@pytest.fixture(scope="module")
def sound() -> bytes:
    return load(find(None)[0], 20_000).data


async def test_a_meeting_is_created_with_the_key_alone(server: Server, meetings: Meetings) -> None:
    created = await meetings.create("Algebra")
    assert created.data.title == "Algebra"
    assert created.admin_id != created.join_secret
    assert await meetings.ready()
    async with Meetings(server.url) as stranger:
        with pytest.raises(Unauthorized):
            await stranger.create("Algebra")


async def test_whoever_has_to_do_with_a_meeting_reads_what_it_is_called(
    server: Server, meetings: Meetings, meeting: MeetingCreated
) -> None:
    id_ = meeting.data.id
    grace = await meetings.add_proctor(id_, "Grace")
    for credential in (meeting.admin_id, meeting.join_secret, grace.token, None):
        assert await meetings.meeting(id_, credential) == meeting.data
    with pytest.raises(Unauthorized):
        await meetings.meeting(id_, "nobody's")
    async with Meetings(server.url) as stranger:
        with pytest.raises(Unauthorized):
            await stranger.meeting(id_)
    with pytest.raises(NotFound):
        await meetings.meeting("nowhere")
    await meetings.end(id_)
    assert (await meetings.meeting(id_)).ended_at is not None


async def test_candidates_join_once_and_renew_with_their_own_token(meetings: Meetings, meeting: MeetingCreated) -> None:
    id_ = meeting.data.id
    ada = await meetings.join(id_, "Ada", meeting.join_secret, external_id="student-1")
    assert ada.name == "Ada"
    with pytest.raises(CallFailed) as conflict:
        await meetings.join(id_, "Ada again", meeting.join_secret, external_id="student-1")
    assert (conflict.value.status, conflict.value.code) == (409, "conflict")
    with pytest.raises(Forbidden):
        await meetings.join(id_, "Bob", meeting.join_secret, expected_voices=2)
    assert (await meetings.join(id_, "Bob", meeting.admin_id, expected_voices=2)).name == "Bob"
    assert (await meetings.join(id_, "Cleo")).name == "Cleo"  # by the API key
    renewed = await meetings.renew(id_, ada.id, ada.token, meeting.join_secret)
    assert renewed.id == ada.id
    with pytest.raises(Unauthorized):
        await meetings.renew(id_, ada.id, "no token", meeting.join_secret)


async def test_a_proctor_is_revoked_and_admitted_again(meetings: Meetings, meeting: MeetingCreated) -> None:
    id_ = meeting.data.id
    grace = await meetings.add_proctor(id_, "Grace", meeting.admin_id)
    revoked = await meetings.revoke_proctor(id_, grace.id, meeting.admin_id)
    assert (revoked.id, revoked.name, revoked.revoked) == (grace.id, "Grace", True)
    with pytest.raises(Revoked):
        await meetings.anomalies(id_, grace.token)
    assert not (await meetings.revoke_proctor(id_, grace.id, revoked=False)).revoked  # by the API key
    assert await meetings.anomalies(id_, grace.token) == []


async def test_what_is_not_there_is_named(meetings: Meetings, meeting: MeetingCreated) -> None:
    id_ = meeting.data.id
    assert await meetings.anomalies(id_, meeting.admin_id) == []
    with pytest.raises(NotFound):
        await meetings.anomalies("nowhere", meeting.admin_id)
    with pytest.raises(NotFound):
        await meetings.clip(id_, "p-1-0-0123456789abcdef", meeting.admin_id)
    with pytest.raises(NotFound):
        await meetings.clip_link(id_, "p-1-0-0123456789abcdef", meeting.admin_id)
    with pytest.raises(NotFound):
        await meetings.review(id_, "no-such", meeting.admin_id, key="k", decision="confirmed")


async def test_a_proctor_sees_a_candidate_come_speak_and_finish(
    server: Server, meetings: Meetings, meeting: MeetingCreated, sound: bytes
) -> None:
    id_ = meeting.data.id
    bob = await meetings.add_proctor(id_, "Bob", meeting.admin_id)
    async with ProctorChannel(server.url, id_, token=bob.token) as channel:
        assert channel.snapshot is not None
        assert channel.snapshot.candidates == ()
        ada = await meetings.join(id_, "Ada", meeting.join_secret)
        async with CandidateStream(server.url, ada.token) as stream:
            await stream.send(sound)
            finished = await stream.finish()
        assert (finished.offset, finished.windows) == (len(sound), 1)
        kinds = []
        async with asyncio.timeout(10):
            async for event in channel:
                assert isinstance(event, Event)
                kinds.append(event.kind)
                if event.kind == "candidate_finished":
                    break
        assert kinds == ["candidate_joined", "candidate_streaming", "window_stored", "candidate_finished"]
        with pytest.raises(ReviewNotTaken, match="not_found"):
            await channel.review("no-such", "confirmed")


async def test_a_second_tab_takes_over_and_the_first_is_told(
    server: Server, meetings: Meetings, meeting: MeetingCreated, sound: bytes
) -> None:
    ada = await meetings.join(meeting.data.id, "Ada", meeting.join_secret)
    async with CandidateStream(server.url, ada.token) as first:
        await first.send(sound)
        while not first.session.open:
            await asyncio.sleep(0.01)
        async with CandidateStream(server.url, ada.token) as second:
            await second.send(sound)
            await second.finish()
        with pytest.raises(TakenOver):
            await first.finish()
    assert (first.session.stream, second.session.stream) == (1, 2)


async def test_a_token_that_ends_is_renewed_without_losing_a_byte(
    database_url: str, data_dir: Path, sound: bytes
) -> None:
    env = {"UNDERTONE_CANDIDATE_TOKEN_SECONDS": "5"}
    with running_server(data_dir, database_url=database_url, env=env) as server:
        async with Meetings(server.url) as meetings:
            meeting = await meetings.create("Short tokens")
            ada = await meetings.join(meeting.data.id, "Ada", meeting.join_secret)
            tokens = [ada.token]

            async def renew() -> str:
                ticket = await meetings.renew(meeting.data.id, ada.id, tokens[-1], meeting.join_secret)
                tokens.append(ticket.token)
                return ticket.token

            async with CandidateStream(server.url, ada.token, renew=renew) as stream:
                for at in range(0, len(sound), len(sound) // 35):
                    await stream.send(sound[at : at + len(sound) // 35])
                    await asyncio.sleep(0.2)
                finished = await stream.finish()
    assert (finished.offset, finished.windows) == (len(sound), 1)
    assert len(tokens) > 2
    assert stream.session.lost_ms == 0


async def test_an_ended_meeting_is_told_and_a_deleted_one_is_gone(
    server: Server, meetings: Meetings, meeting: MeetingCreated, sound: bytes
) -> None:
    id_ = meeting.data.id
    ada = await meetings.join(id_, "Ada", meeting.join_secret)
    async with CandidateStream(server.url, ada.token) as stream:
        await stream.send(sound)
        while not stream.session.open:
            await asyncio.sleep(0.01)
        await meetings.end(id_, meeting.admin_id)
        with pytest.raises(MeetingEnded):  # `finish`, said before the news is here, would still be taken
            await send_on(stream)
    async with ProctorChannel(server.url, id_, admin_id=meeting.admin_id) as channel:
        await meetings.delete(id_, meeting.admin_id)
        with pytest.raises(NotFound):
            await read_on(channel)
    with pytest.raises(NotFound):
        await meetings.anomalies(id_, meeting.admin_id)


async def send_on(stream: CandidateStream) -> None:
    async with asyncio.timeout(10):
        while True:
            await stream.send(b"")
            await asyncio.sleep(0.01)


async def read_on(channel: ProctorChannel) -> None:
    async with asyncio.timeout(10):
        async for _ in channel:
            pass
