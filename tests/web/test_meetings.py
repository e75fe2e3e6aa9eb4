"""Creating, joining, changing, ending and deleting, over HTTP."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import jwt
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.serving import Server
from tests.web.room import API_KEY, Room, bearer, problem_of
from undertone.core.messages import StreamHello, encode


def lifetime(data: dict[str, Any]) -> timedelta:
    claims = jwt.decode(data["token"], options={"verify_signature": False})
    expires_at = datetime.fromisoformat(data["expires_at"])
    assert expires_at == datetime.fromtimestamp(claims["exp"], UTC)
    return expires_at - datetime.now(UTC)


def test_a_meeting_has_its_secrets_once_and_only_their_hashes_are_kept(http: httpx.Client, room: Room) -> None:
    response = http.post("/meetings", json={"title": "Geometry"}, headers=bearer(API_KEY))
    assert response.status_code == 201
    body = response.json()
    assert body["success"] is True
    assert set(body) == {"success", "data", "admin_id", "join_secret"}
    assert set(body["data"]) == {"id", "title", "created_at"}
    assert body["data"]["title"] == "Geometry"
    assert datetime.fromisoformat(body["data"]["created_at"]).tzinfo is not None
    assert response.headers["cache-control"] == "no-store"
    query = "select to_jsonb(m) #>> '{}' as text from meetings m where meeting = :meeting"
    [row] = room.rows(query, body["data"]["id"])
    assert "Geometry" in row["text"]
    assert body["admin_id"] not in row["text"]
    assert body["join_secret"] not in row["text"]


def test_meetings_are_listed_newest_first_in_pages(http: httpx.Client, server: Server, room: Room) -> None:
    made = []
    for number in range(5):
        time.sleep(0.002)  # those of one millisecond stand in no order
        made.append(Room.create(http, server, room.database_url, f"Exam {number}").id)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2, "before": None}  # httpx writes a blank
    while len(seen) < len(made):
        page = http.get("/meetings", params=query, headers=bearer(API_KEY)).json()
        assert page["success"] is True
        assert len(page["data"]) == 2
        seen += [meeting["id"] for meeting in page["data"]]
        query["before"] = page["next"]
    assert seen[:5] == made[::-1]
    assert seen[5] == room.id


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "limit=%D9%A1", "before=x", "before=%00"])
def test_a_page_that_can_not_be(http: httpx.Client, query: str) -> None:
    response = http.get(f"/meetings?{query}", headers=bearer(API_KEY))
    assert problem_of(response)[:2] == (400, "bad_message")


def test_whoever_has_to_do_with_a_meeting_may_know_what_it_is_called(http: httpx.Client, room: Room) -> None:
    for credential in (API_KEY, room.admin_id, room.join_secret, room.invite()["token"]):
        body = room.call("GET", "", credential).json()
        assert set(body) == {"success", "data"}
        assert set(body["data"]) == {"id", "title", "created_at"}
        assert (body["data"]["id"], body["data"]["title"]) == (room.id, "Algebra")
    room.call("POST", "/end")
    assert "ended_at" in room.call("GET", "", room.join_secret).json()["data"]


def test_nobody_else_learns_what_a_meeting_is_called(http: httpx.Client, server: Server, room: Room) -> None:
    other = Room.create(http, server, room.database_url)
    for credential in (other.admin_id, other.join_secret, "x"):
        assert problem_of(room.call("GET", "", credential))[:2] == (401, "unauthorized")
    for credential in (other.invite()["token"], room.join()["token"]):
        assert problem_of(room.call("GET", "", credential))[:2] == (403, "forbidden")
    assert problem_of(http.get(room.path))[:2] == (401, "unauthorized")
    assert problem_of(http.get("/meetings/none", headers=bearer(room.admin_id)))[:2] == (404, "not_found")


def test_a_candidate_joins_with_the_join_secret_and_gets_a_token_for_four_hours(room: Room) -> None:
    joined = room.join("Ada Łukasz")
    assert set(joined) == {"id", "name", "token", "expires_at"}
    assert joined["name"] == "Ada Łukasz"
    claims = jwt.decode(joined["token"], options={"verify_signature": False})
    assert (claims["sub"], claims["meeting"], claims["role"]) == (joined["id"], room.id, "candidate")
    assert timedelta(hours=3, minutes=59) < lifetime(joined) <= timedelta(hours=4)
    [event] = room.events()["events"]
    assert event["kind"] == "candidate_joined"
    assert event["participant"] == {"id": joined["id"], "name": "Ada Łukasz"}


@pytest.mark.parametrize("credential", ["admin_id", "api_key"])
def test_who_manages_may_say_how_many_voices_are_expected(room: Room, credential: str) -> None:
    secret = room.admin_id if credential == "admin_id" else API_KEY
    body = {"name": "Ada", "expected_voices": 2, "external_id": "ada@example.org"}
    joined = room.call("POST", "/participants", secret, json=body).json()["data"]
    participant = room.call("PATCH", f"/participants/{joined['id']}", json={"expected_voices": 3}).json()
    assert participant == {
        "id": joined["id"],
        "name": "Ada",
        "external_id": "ada@example.org",
        "expected_voices": 3,
        "revoked": False,
        "state": "joined",
    }
    told = [(event["kind"], event.get("expected_voices")) for event in room.events()["events"]]
    assert told == [("candidate_joined", None), ("candidate_changed", 2), ("candidate_changed", 3)]


def test_the_join_secret_creates_a_new_candidate_and_nothing_else(room: Room) -> None:
    body = {"name": "Ada", "expected_voices": 2}
    response = room.call("POST", "/participants", room.join_secret, json=body)
    assert problem_of(response)[:2] == (403, "forbidden")
    room.join("Ada", external_id="ada")
    response = room.call("POST", "/participants", room.join_secret, json={"name": "Eve", "external_id": "ada"})
    assert problem_of(response)[:2] == (409, "conflict")
    assert len(room.events()["events"]) == 1


def test_the_same_external_id_in_another_meeting_is_somebody_else(
    http: httpx.Client, server: Server, room: Room
) -> None:
    room.join(external_id="ada")
    Room.create(http, server, room.database_url).join(external_id="ada")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "x" * 201},
        {"name": "nul\0"},
        {"name": 1},
        {"name": None},
        {"name": "Ada", "external_id": ""},
        {"name": "Ada", "expected_voices": 0},
        {"name": "Ada", "expected_voices": 17},
        [],
        "Ada",
    ],
)
def test_a_body_of_the_wrong_shape_is_told_where(room: Room, body: object) -> None:
    status, code, detail = problem_of(room.call("POST", "/participants", json=body))
    assert (status, code) == (400, "bad_message")
    assert detail.startswith("the body is not what this call takes: ")


def test_fields_that_a_newer_client_sends_are_ignored(room: Room) -> None:
    assert room.call("POST", "/participants", json={"name": "Ada", "pronouns": "she"}).status_code == 201


def test_a_token_is_renewed_with_the_previous_one(room: Room) -> None:
    joined = room.join()
    path = f"/participants/{joined['id']}/token"
    response = room.call("POST", path, room.join_secret, json={"token": joined["token"]})
    assert response.status_code == 200
    renewed = response.json()["data"]
    assert (renewed["id"], renewed["name"]) == (joined["id"], joined["name"])
    assert lifetime(renewed) > timedelta(hours=3, minutes=59)
    assert len(room.events()["events"]) == 1


def test_a_token_is_renewed_by_nobody_else(http: httpx.Client, server: Server, room: Room) -> None:
    ada, eve = room.join("Ada"), room.join("Eve")
    path = f"/participants/{ada['id']}/token"
    proctor = room.invite()
    elsewhere = Room.create(http, server, room.database_url)
    for credential, token, expected in (
        (room.join_secret, eve["token"], (403, "forbidden")),
        (room.join_secret, proctor["token"], (403, "forbidden")),
        (room.join_secret, elsewhere.join()["token"], (403, "forbidden")),
        (room.join_secret, ada["token"][:-2] + "xx", (401, "unauthorized")),
        (elsewhere.join_secret, ada["token"], (401, "unauthorized")),
        (room.admin_id, ada["token"], (403, "forbidden")),
        (ada["token"], ada["token"], (403, "forbidden")),
    ):
        response = room.call("POST", path, credential, json={"token": token})
        assert problem_of(response)[:2] == expected


def test_who_is_revoked_renews_nothing_until_admitted_again(room: Room) -> None:
    ada = room.join()
    path = f"/participants/{ada['id']}"
    assert room.call("PATCH", path, json={"revoked": True}).json()["revoked"] is True
    response = room.call("POST", path + "/token", room.join_secret, json={"token": ada["token"]})
    assert problem_of(response)[:2] == (403, "revoked")
    assert room.call("PATCH", path, json={"revoked": False}).json()["revoked"] is False
    assert room.call("POST", path + "/token", room.join_secret, json={"token": ada["token"]}).status_code == 200
    kinds = [event["kind"] for event in room.events()["events"]]
    assert kinds == ["candidate_joined", "candidate_revoked", "candidate_joined"]
    assert [row[1:3] for row in room.audit()] == [
        ("participant_changed: revoked=True", ada["id"]),
        ("participant_changed: revoked=False", ada["id"]),
    ]


def test_a_change_says_what(room: Room) -> None:
    path = f"/participants/{room.join()['id']}"
    assert problem_of(room.call("PATCH", path, json={}))[:2] == (400, "bad_message")
    assert problem_of(room.call("PATCH", "/participants/nobody", json={"revoked": True}))[:2] == (404, "not_found")
    assert problem_of(room.call("PATCH", path, room.join_secret, json={"revoked": True}))[:2] == (403, "forbidden")


def test_a_proctor_is_invited_for_twelve_hours(room: Room) -> None:
    invited = room.invite("Grace")
    assert timedelta(hours=11, minutes=59) < lifetime(invited) <= timedelta(hours=12)
    assert room.call("GET", "/events", invited["token"]).status_code == 200
    assert problem_of(room.call("POST", "/proctors", invited["token"], json={"name": "Eve"}))[:2] == (403, "forbidden")
    assert problem_of(room.call("POST", "/proctors", room.join_secret, json={"name": "Eve"}))[:2] == (403, "forbidden")


def test_a_proctor_who_is_revoked_reads_nothing_until_admitted_again(room: Room) -> None:
    grace = room.invite("Grace")
    path = f"/proctors/{grace['id']}"
    for revoked, expected in ((True, 403), (True, 403), (False, 200)):
        answer = room.call("PATCH", path, json={"revoked": revoked})
        assert answer.json() == {"id": grace["id"], "name": "Grace", "revoked": revoked}
        assert room.call("GET", "/events", grace["token"]).status_code == expected
    assert [row[:3] for row in room.audit()] == [
        ("admin", f"proctor_changed: revoked={revoked}", grace["id"]) for revoked in (True, True, False)
    ]


def test_revoking_a_proctor_is_the_manager_s(room: Room) -> None:
    grace = room.invite("Grace")
    path = f"/proctors/{grace['id']}"
    for credential, code in ((API_KEY, 200), (room.join_secret, 403), (grace["token"], 403), ("x", 401)):
        assert room.call("PATCH", path, credential, json={"revoked": False}).status_code == code
    assert problem_of(room.call("PATCH", path, json={}))[:2] == (400, "bad_message")
    assert problem_of(room.call("PATCH", "/proctors/nobody", json={"revoked": False}))[:2] == (404, "not_found")
    assert problem_of(room.call("PATCH", "/proctors/no.body", json={"revoked": True}))[:2] == (404, "not_found")


def test_after_the_end_nobody_joins_and_proctors_still_read(room: Room) -> None:
    room.join()
    response = room.call("POST", "/end")
    assert (response.status_code, response.content) == (204, b"")
    assert room.call("POST", "/end").status_code == 204
    response = room.call("POST", "/participants", room.join_secret, json={"name": "Late"})
    assert problem_of(response)[:2] == (409, "meeting_ended")
    assert [event["kind"] for event in room.events()["events"]] == ["candidate_joined", "meeting_ended"]
    [listed] = [
        meeting
        for meeting in room.http.get("/meetings?limit=200", headers=bearer(API_KEY)).json()["data"]
        if meeting["id"] == room.id
    ]
    assert listed["ended_at"]


def test_after_deleting_nothing_is_left_but_what_the_sweeper_is_to_do(room: Room) -> None:
    anomaly = room.anomaly()
    [evidence] = anomaly["evidence"]
    assert room.call("DELETE", "", API_KEY).status_code == 204
    assert problem_of(room.call("DELETE", "", API_KEY))[:2] == (404, "not_found")
    assert problem_of(room.call("GET", f"/clips/{evidence['clip']}"))[:2] == (404, "not_found")
    for table in ("meetings", "participants", "streams", "windows", "anomalies", "events", "audit"):
        assert room.rows(f"select from {table} where meeting = :meeting") == []
    rows = room.rows("select object from deletions where meeting = :meeting")
    # A sweeper that comes at just this moment has done it.
    assert [row["object"] for row in rows] in ([f"clips/{room.id}/{evidence['clip']}.mp3"], [])


def test_a_candidate_hears_at_once_that_the_meeting_has_ended(room: Room) -> None:
    for how, code in (("POST", 4507), ("DELETE", 4509)):
        another = room if how == "POST" else Room.create(room.http, room.server, room.database_url)
        with connect(f"{room.server.websocket_url}/stream", proxy=None) as socket:
            socket.send(encode(StreamHello(token=another.join()["token"])))
            socket.recv(5)
            began = time.monotonic()
            assert another.call(how, "/end" if how == "POST" else "").status_code == 204
            with pytest.raises(ConnectionClosed) as caught:
                for _ in socket:
                    pass
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == code
            assert time.monotonic() - began < 3
