"""What proctors read: events by number, anomalies and their reviews, clips whole and in ranges, and links to them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.audio import decode
from tests.serving import Server
from tests.store.exam import ONE_VOICE
from tests.web.room import ORIGIN, Room, problem_of
from undertone.store.clips import clip_object


@pytest.fixture(scope="module")
def heard(http: httpx.Client, server: Server, served_database: str) -> Room:
    """A meeting in which two voices were heard."""
    room = Room.create(http, server, served_database)
    room.anomaly()
    return room


def evidence_of(room: Room) -> dict[str, Any]:
    [anomaly] = room.call("GET", "/anomalies").json()["anomalies"]
    [evidence] = anomaly["evidence"]
    found: dict[str, Any] = evidence
    return found


# --- events


def test_events_are_the_channels_messages_in_order(heard: Room) -> None:
    answer = heard.events()
    assert answer["recovered"] is True
    assert [event["id"] for event in answer["events"]] == list(range(1, answer["last_id"] + 1))
    kinds = [event["kind"] for event in answer["events"]]
    assert kinds[0] == "candidate_joined"
    assert {"candidate_streaming", "window_stored", "candidate_finished", "window_judged"} < set(kinds)
    assert kinds[-1] == "anomaly_opened"
    for event in answer["events"]:
        assert event["type"] == "event"


def test_events_go_on_where_a_page_ended(heard: Room) -> None:
    whole = heard.events()
    seen: list[Any] = []
    after = 0
    while True:
        page = heard.events(epoch=whole["epoch"], after=after, limit=2)
        assert page["recovered"] is True
        if not page["events"]:
            break
        assert len(page["events"]) <= 2
        seen += page["events"]
        after = seen[-1]["id"]
    assert seen == whole["events"]


def test_a_blank_parameter_is_none(heard: Room) -> None:
    whole = heard.events()
    assert heard.events(epoch="", after="", limit="") == whole
    page = heard.events(epoch="", after=3)
    assert (page["recovered"], page["events"]) == (True, whole["events"][3:])


@pytest.mark.parametrize("cursor", [{"epoch": "another", "after": 2}, {"after": 10**6}])
def test_a_cursor_that_is_worth_nothing_is_told_so_and_gets_all_that_is_kept(
    heard: Room, cursor: dict[str, Any]
) -> None:
    whole = heard.events()
    answer = heard.events(**cursor)
    assert answer["recovered"] is False
    assert (answer["epoch"], answer["last_id"], answer["events"]) == (whole["epoch"], whole["last_id"], whole["events"])


def test_trimmed_events_are_told(room: Room) -> None:
    for _ in range(4):
        room.join()
    room.rows(
        "with trimmed as (delete from events where meeting = :meeting and id <= 2) "
        "update meetings set trimmed_to = 2 where meeting = :meeting returning 1 as done"
    )
    for after, recovered, ids in ((0, False, [3, 4]), (1, False, [3, 4]), (2, True, [3, 4]), (4, True, [])):
        answer = room.events(after=after)
        assert (answer["recovered"], [event["id"] for event in answer["events"]]) == (recovered, ids)


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=1e3", "limit=0", "limit=10001", f"after={2**53}"])
def test_a_page_that_can_not_be(heard: Room, query: str) -> None:
    assert problem_of(heard.call("GET", f"/events?{query}"))[:2] == (400, "bad_message")


# --- anomalies and reviews


def test_an_anomaly_says_where_the_voices_are(heard: Room) -> None:
    [anomaly] = heard.call("GET", "/anomalies").json()["anomalies"]
    assert (anomaly["kind"], anomaly["state"], anomaly["count"]) == ("multiple_voices", "open", 1)
    [evidence] = anomaly["evidence"]
    assert evidence["turns"] == [[0, 30_000, 0], [32_000, 36_000, 1]]
    assert evidence["voices"] == 2


def test_a_decision_is_taken_once_a_key_and_the_last_one_wins(room: Room) -> None:
    anomaly = room.anomaly()
    path = f"/anomalies/{anomaly['id']}/review"
    grace = room.invite("Grace")["token"]
    first = {"key": "k1", "decision": "confirmed", "note": "two people"}
    confirmed = room.call("POST", path, grace, json=first).json()
    assert confirmed["state"] == "confirmed"
    assert (confirmed["review"]["by"], confirmed["review"]["note"]) == ("Grace", "two people")
    assert confirmed == room.call("POST", path, grace, json=first).json()
    dismissed = room.call("POST", path, json={"key": "k2", "decision": "dismissed"}).json()
    assert (dismissed["state"], dismissed["review"]["by"]) == ("dismissed", "admin")
    assert room.call("POST", path, json={"key": "k3", "decision": "open"}).json()["state"] == "open"
    kinds = [event["kind"] for event in room.events()["events"]]
    assert kinds.count("anomaly_reviewed") == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"key": "k"},
        {"key": "a b", "decision": "open"},
        {"key": "k", "decision": "maybe"},
        {"key": "k", "decision": "open", "note": "x" * 2001},
    ],
)
def test_a_decision_of_the_wrong_shape(heard: Room, body: object) -> None:
    assert problem_of(heard.call("POST", "/anomalies/a/review", json=body))[:2] == (400, "bad_message")


@pytest.mark.parametrize("anomaly", ["unknown", "a%00b", "x" * 65])
def test_an_unknown_anomaly(heard: Room, anomaly: str) -> None:
    response = heard.call("POST", f"/anomalies/{anomaly}/review", json={"key": "k", "decision": "open"})
    assert problem_of(response)[:2] == (404, "not_found")


# --- clips


def test_a_clip_plays_and_leaves_a_trail(room: Room) -> None:
    [evidence] = room.anomaly()["evidence"]
    path = f"/clips/{evidence['clip']}"
    grace = room.invite("Grace")
    response = room.call("GET", path, grace["token"])
    assert response.status_code == 200
    assert response.headers["content-type"] == "audio/mpeg"
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["accept-ranges"] == "bytes"
    seconds = decode(response.content).shape[-1] / 16_000
    assert seconds == pytest.approx((evidence["duration_ms"] + evidence["lead_in_ms"]) / 1000, abs=0.1)
    assert room.audit() == [(f"Grace ({grace['id']})", "clip_played", evidence["clip"], "127.0.0.1")]


def test_a_player_asks_for_ranges(heard: Room) -> None:
    path = f"/clips/{evidence_of(heard)['clip']}"
    whole = heard.call("GET", path)
    size = len(whole.content)
    for header, start, end in (("bytes=0-99", 0, 100), ("bytes=100-", 100, size), ("bytes=-50", size - 50, size)):
        part = heard.call("GET", path, headers={"Range": header})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {start}-{end - 1}/{size}"
        assert part.content == whole.content[start:end]
    for header in ("bytes=0-1,5-6", "items=0-1", "bytes=9-1"):
        assert heard.call("GET", path, headers={"Range": header}).content == whole.content
    response = heard.call("GET", path, headers={"Range": f"bytes={size}-"})
    assert problem_of(response)[:2] == (416, "range_not_satisfiable")
    assert response.headers["content-range"] == f"bytes */{size}"


def test_a_range_of_something_else_is_the_whole(heard: Room) -> None:
    path = f"/clips/{evidence_of(heard)['clip']}"
    etag = heard.call("GET", path).headers["etag"]
    assert heard.call("GET", path, headers={"Range": "bytes=0-9", "If-Range": etag}).status_code == 206
    assert heard.call("GET", path, headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200


def test_head_says_what_get_would_and_is_no_listening(room: Room) -> None:
    [evidence] = room.anomaly()["evidence"]
    path = f"/clips/{evidence['clip']}"
    head = room.call("HEAD", path)
    part = room.call("HEAD", path, headers={"Range": "bytes=0-9"})
    assert room.audit() == []
    whole = room.call("GET", path)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(whole.content))
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


def test_a_link_plays_without_a_header_and_leaves_a_trail(room: Room) -> None:
    [evidence] = room.anomaly()["evidence"]
    path = f"/clips/{evidence['clip']}"
    answer = room.call("POST", path + "/link").json()
    assert answer["url"].startswith(f"{room.server.url}{room.path}{path}?")
    with httpx.Client(trust_env=False) as anybody:
        response = anybody.get(answer["url"], headers={"Range": "bytes=0-"})
        assert response.status_code == 206
        assert response.headers["cache-control"] == "no-store"
        assert response.content == room.call("GET", path).content
        for forged in (answer["url"] + "x", answer["url"].replace("by=admin", "by=eve")):
            assert problem_of(anybody.get(forged))[:2] == (403, "forbidden")
        # A link opens its clip alone.
        assert problem_of(anybody.get(answer["url"].replace(path, "/clips/other")))[:2] == (403, "forbidden")
        assert problem_of(anybody.get(answer["url"].replace(path, "/events")))[:2] == (401, "unauthorized")
    assert [row[:3] for row in room.audit()] == [
        ("admin", "clip_linked", evidence["clip"]),
        ("admin", "link_played", evidence["clip"]),
        ("admin", "clip_played", evidence["clip"]),
    ]
    assert answer["url"].partition("?")[2] not in room.server.log()


@pytest.mark.parametrize("clip", ["unknown", "..%2Fsecret", "%2E%2E", "a%00b", "x" * 200, "%C3%A9"])
def test_an_unknown_clip(heard: Room, clip: str) -> None:
    for method, path in (("GET", ""), ("POST", "/link")):
        response = heard.call(method, f"/clips/{clip}{path}")
        assert problem_of(response)[0] in (404, 405)
    assert "secret" not in heard.call("GET", f"/clips/{clip}").text.replace("/secret", "")


def test_another_meetings_clip_is_unknown(heard: Room, room: Room) -> None:
    response = room.call("GET", f"/clips/{evidence_of(heard)['clip']}")
    assert problem_of(response)[:2] == (404, "not_found")


def test_a_clean_windows_clip_can_not_be_heard_any_more(room: Room) -> None:
    room.stream(room.join()["token"])
    [waiting] = room.rows("select clip from windows where meeting = :meeting")
    assert room.call("GET", f"/clips/{waiting['clip']}").status_code == 200
    room.hear(ONE_VOICE)
    assert problem_of(room.call("GET", f"/clips/{waiting['clip']}"))[:2] == (404, "not_found")


def test_a_clip_whose_object_is_missing_is_not_found(room: Room) -> None:
    [evidence] = room.anomaly()["evidence"]
    (room.server.data / clip_object(room.id, evidence["clip"])).unlink()
    assert problem_of(room.call("GET", f"/clips/{evidence['clip']}"))[:2] == (404, "not_found")


def test_pages_of_configured_origins_alone_may_call(heard: Room) -> None:
    path = f"{heard.path}/events"
    asked = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    allowed = heard.http.options(path, headers={"Origin": ORIGIN, **asked})
    assert allowed.status_code == 200
    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "authorization" in allowed.headers["access-control-allow-headers"].lower()
    assert heard.call("GET", "/events", headers={"Origin": ORIGIN}).headers["access-control-allow-origin"] == ORIGIN
    for origin in ("https://evil.example.org", "null", "http://exams.example.org"):
        assert (
            "access-control-allow-origin" not in heard.http.options(path, headers={"Origin": origin, **asked}).headers
        )
        assert "access-control-allow-origin" not in heard.call("GET", "/events", headers={"Origin": origin}).headers
