"""Who may do what, asked from outside: nobody hears or reads what is not theirs."""

from __future__ import annotations

import time

import httpx
import pytest

from tests.serving import Server
from tests.web.room import API_KEY, Room, bearer, problem_of
from undertone.web.tokens import Role, Tokens

NAME = {"name": "Ada"}

# Method, path below the meeting, body: each call that takes a credential of this meeting.
MANAGING = [
    ("POST", "/proctors", NAME),
    ("PATCH", "/participants/ada", {"revoked": True}),
    ("POST", "/end", None),
    ("DELETE", "", None),
]
READING = [
    ("GET", "/events", None),
    ("GET", "/anomalies", None),
    ("POST", "/anomalies/a/review", {"key": "k", "decision": "confirmed"}),
    ("GET", "/clips/c", None),
    ("POST", "/clips/c/link", None),
]
JOINING = [("POST", "/participants", NAME), ("POST", "/participants/ada/token", {"token": "x"})]
CALLS = [*MANAGING, *READING, *JOINING]


@pytest.fixture(scope="session")
def tokens(server: Server) -> Tokens:
    """As an exam platform's own backend mints them, which has the server's secret."""
    return Tokens([(server.data / "secret").read_text()])


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_without_a_credential_nothing(http: httpx.Client, room: Room, method: str, path: str, body: object) -> None:
    for headers in ({}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer"}):
        response = http.request(method, room.path + path, json=body, headers=headers)
        assert problem_of(response)[:2] == (401, "unauthorized")
        assert response.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_another_meetings_secrets_are_worth_nothing(
    http: httpx.Client, server: Server, room: Room, method: str, path: str, body: object
) -> None:
    elsewhere = Room.create(http, server, room.database_url)
    for credential in (elsewhere.admin_id, elsewhere.join_secret, "nonsense", "non.sen.se"):
        assert problem_of(room.call(method, path, credential, json=body))[:2] == (401, "unauthorized")
    # A proctor of the other meeting is known, and forbidden.
    response = room.call(method, path, elsewhere.invite()["token"], json=body)
    assert problem_of(response)[:2] == (403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body"), [*MANAGING, *READING])
def test_a_candidate_reads_and_changes_nothing_of_the_proctors_side(
    room: Room, method: str, path: str, body: object
) -> None:
    for credential in (room.join()["token"], room.join_secret):
        assert problem_of(room.call(method, path, credential, json=body))[:2] == (403, "forbidden")


@pytest.mark.parametrize(("method", "path", "body"), READING)
def test_the_api_key_creates_and_does_not_listen(room: Room, method: str, path: str, body: object) -> None:
    status, code, detail = problem_of(room.call(method, path, API_KEY, json=body))
    assert (status, code) == (403, "forbidden")
    assert "POST …/proctors" in detail


@pytest.mark.parametrize("meeting", ["unknown", "x" * 65, "a%2Fb", "a%00b", "%C3%A9", "a b"])
@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_an_unknown_or_ill_formed_meeting_is_not_found(
    http: httpx.Client, meeting: str, method: str, path: str, body: object
) -> None:
    response = http.request(method, f"/meetings/{meeting}{path}", json=body, headers=bearer("x"))
    assert problem_of(response)[:2] == (404, "not_found")


def test_creating_takes_the_api_key(http: httpx.Client, room: Room) -> None:
    for headers in ({}, bearer("wrong"), bearer(room.admin_id), bearer(API_KEY + "x")):
        assert problem_of(http.post("/meetings", json={"title": "x"}, headers=headers))[:2] == (401, "unauthorized")
        assert problem_of(http.get("/meetings", headers=headers))[:2] == (401, "unauthorized")


def test_a_proctors_token_may_be_minted_elsewhere(room: Room, tokens: Tokens) -> None:
    token, _ = tokens.mint("grace", room.id, "proctor", "Grace", 60)
    assert room.call("GET", "/events", token).status_code == 200


def test_an_expired_token_asks_for_a_new_one_and_a_forged_one_for_none(room: Room, tokens: Tokens) -> None:
    expired, _ = tokens.mint("grace", room.id, "proctor", "Grace", -1)
    assert problem_of(room.call("GET", "/events", expired))[:2] == (401, "token_expired")
    forged, _ = Tokens(["another secret of at least 32 characters"]).mint("grace", room.id, "proctor", "Grace", 60)
    assert problem_of(room.call("GET", "/events", forged))[:2] == (401, "unauthorized")


@pytest.mark.parametrize("role", ["candidate", "proctor"])
def test_a_token_of_a_meeting_that_is_gone(
    http: httpx.Client, server: Server, room: Room, tokens: Tokens, role: Role
) -> None:
    token, _ = tokens.mint("x", "gone", role, "X", 60)
    response = http.get("/meetings/gone/events", headers=bearer(token))
    assert problem_of(response)[:2] == ((404, "not_found") if role == "proctor" else (403, "forbidden"))


def test_a_candidates_expired_token_is_renewed_but_not_a_forged_one(room: Room, tokens: Tokens) -> None:
    ada = room.join()
    path = f"/participants/{ada['id']}/token"
    expired, _ = tokens.mint(ada["id"], room.id, "candidate", "Ada", -1000)
    response = room.call("POST", path, room.join_secret, json={"token": expired})
    assert response.status_code == 200
    assert response.json()["data"]["token"] != expired
    forged, _ = Tokens(["another secret of at least 32 characters"]).mint(ada["id"], room.id, "candidate", "Ada", 60)
    response = room.call("POST", path, room.join_secret, json={"token": forged})
    assert problem_of(response)[:2] == (401, "unauthorized")


def test_renewing_a_valid_token_without_a_row_creates_it_and_an_expired_one_does_not(
    room: Room, tokens: Tokens
) -> None:
    path = "/participants/grace/token"
    expired, _ = tokens.mint("grace", room.id, "candidate", "Grace", -5)
    response = room.call("POST", path, room.join_secret, json={"token": expired})
    assert problem_of(response)[:2] == (404, "not_found")
    valid, _ = tokens.mint("grace", room.id, "candidate", "Grace", 60)
    for token in (valid, valid, expired):
        response = room.call("POST", path, room.join_secret, json={"token": token})
        assert response.status_code == 200
        assert (response.json()["data"]["id"], response.json()["data"]["name"]) == ("grace", "Grace")
    [event] = room.events()["events"]
    assert (event["kind"], event["participant"]) == ("candidate_joined", {"id": "grace", "name": "Grace"})


def test_secrets_never_reach_the_log(http: httpx.Client, server: Server, room: Room) -> None:
    ada = room.join()
    http.get(f"{room.path}/events?token={ada['token']}&secret={room.admin_id}", headers=bearer(room.admin_id))
    http.get(f"/a%0Aforged%20line?{room.join_secret}")
    deadline = time.monotonic() + 5
    while "forged" not in server.log():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    log = server.log()
    assert f"GET {room.path}/events 200" in log
    assert "GET /a%0Aforged%20line 404" in log
    for secret in (ada["token"], room.admin_id, room.join_secret, API_KEY):
        assert secret not in log
