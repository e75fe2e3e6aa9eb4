"""A bucket of S3 on a real port: moto's server behind a door that checks signatures, and that can be told to fail.

Google's XML API is S3's but for credentials and one header; the door translates that one, where it is told to.

moto keeps the objects and answers as Amazon does, but lets everybody in. The door computes Signature Version 4 anew for
each request, in the header or in the query (Amazon S3 API reference, "Authenticating Requests (AWS Signature Version
4)", https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html), and refuses as Amazon does.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote

import anyio
import httpx
import uvicorn
from moto.server import ThreadedMotoServer
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

KEY: Final = "AKIDEXAMPLE"
SECRET: Final = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
REGION: Final = "eu-central-1"
ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = timedelta(minutes=15)

# "No generation yet" is Google's way to say that an object must not exist: Cloud Storage, XML API, "Request
# preconditions", https://cloud.google.com/storage/docs/request-preconditions
GOOGLES_UNLESS_THERE: Final = "x-goog-if-generation-match"
BEHIND: Final = f"{ALGORITHM} Credential={KEY}/20260101/{REGION}/s3/aws4_request, SignedHeaders=host, Signature=0"

CREDENTIALS: Final = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}


@dataclass(frozen=True)
class Fault:
    """What the door does with a request instead of letting it in."""

    status: int = 0
    code: str = ""  # of S3's error document
    body: bytes | None = None  # instead of that document
    after_s: float = 0.0  # waits first
    let_in: bool = False  # then does what was asked
    hang_up: bool = False  # does what was asked and breaks the line in mid-answer


@dataclass
class S3:
    """`endpoint` is its address. `faults` are met by the next requests, one each; `fault` by all that follow."""

    endpoint: str = ""
    fault: Fault | None = None
    faults: list[Fault] = field(default_factory=list)
    methods: tuple[str, ...] = ()  # the faults meet these alone; empty: all
    seen: list[tuple[str, str]] = field(default_factory=list)  # method and path
    cors: bool = False  # lets scripts of all origins read, which a bucket does only where it was told to
    google: bool = False  # speaks Google's dialect, and lets everybody in
    given_up: int = 0  # requests whose sender left before they were answered
    behind: str = ""

    def make(self, bucket: str) -> None:
        """A bucket; there may be one of this name."""
        httpx.put(f"{self.behind}/{bucket}", trust_env=False)

    def objects(self, bucket: str) -> list[str]:
        """Names of all objects in it."""
        text = httpx.get(f"{self.behind}/{bucket}?list-type=2", trust_env=False).text
        return [part.partition("</Key>")[0] for part in text.split("<Key>")[1:]]

    def behave(self) -> None:
        """As ever from now on."""
        self.fault, self.methods, self.google, self.cors = None, (), False, False
        self.faults.clear()

    def meets(self, method: str) -> Fault | None:
        """The fault for this request."""
        if self.methods and method not in self.methods:
            return None
        return self.faults.pop(0) if self.faults else self.fault


@contextlib.contextmanager
def running_s3() -> Iterator[S3]:
    """One that takes connections."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # or it prints a line a request
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    s3 = S3(behind=f"http://{host}:{port}")
    listener = socket.create_server(("127.0.0.1", 0))
    s3.endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
    # No level of its own: loggers are the process's, and other tests read them.
    config = uvicorn.Config(_door(s3), log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.005)
        yield s3
    finally:
        s3.behave()
        server.should_exit = True
        thread.join(10)
        moto.stop()


def _door(s3: S3) -> Starlette:
    inside = httpx.AsyncClient(trust_env=False)

    async def pass_on(request: Request) -> Response:
        return await answer(request)

    async def answer(request: Request) -> Response:
        body = await request.body()
        s3.seen.append((request.method, request.url.path))
        fault = s3.meets(request.method)
        if fault is not None and fault.after_s:
            try:
                await _wait(request, fault.after_s)
            except ConnectionError:
                s3.given_up += 1
                return Response(status_code=499)
        if fault is not None and not (fault.let_in or fault.hang_up):
            return _refused(fault.status, fault.code, fault.body)
        wrong = None if s3.google else wrong_signature(request, body)
        if wrong is not None:
            return _refused(403, wrong)
        headers = {name: value for name, value in request.headers.items() if name != "host"}
        if s3.google:
            headers["authorization"] = BEHIND
            if headers.get(GOOGLES_UNLESS_THERE) == "0":
                headers["if-none-match"] = "*"
        path = request.scope["raw_path"].decode()
        query = request.url.query
        found = await inside.request(
            request.method, f"{s3.behind}{path}{f'?{query}' if query else ''}", headers=headers, content=body
        )
        if fault is not None and fault.hang_up:
            return _BrokenOff(found.content, found.status_code)
        dropped = {"connection", "date", "server", *(() if s3.cors else ("access-control-allow-origin",))}
        kept = {name: value for name, value in found.headers.items() if name not in dropped}
        return Response(found.content, found.status_code, kept)

    return Starlette(routes=[Route("/{path:path}", pass_on, methods=["GET", "HEAD", "PUT", "POST", "DELETE"])])


class _BrokenOff(Response):
    """The line breaks where the answer should come: uvicorn closes it for an application that says nothing."""

    async def __call__(self, *_: object) -> None:
        return


async def _wait(request: Request, seconds: float) -> None:
    """Raises ConnectionError if the sender leaves meanwhile."""
    with anyio.move_on_after(seconds):
        while (await request.receive())["type"] != "http.disconnect":
            pass
        raise ConnectionError


def _refused(status: int, code: str, body: bytes | None = None) -> Response:
    if body is not None:
        return Response(body, status, media_type="text/html")
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>told to say {code}</Message>'
        "<RequestId>4442587FB7D0A2F9</RequestId></Error>"
    )
    return Response(text, status, media_type="application/xml")


def wrong_signature(request: Request, body: bytes) -> str | None:
    """S3's code for what is wrong with the request's signature; None if it is right and in time."""
    query = parse_qsl(request.url.query, keep_blank_values=True)
    said = dict(query)
    header = request.headers.get("authorization", "")
    if header.startswith(ALGORITHM):
        told = dict(part.strip().split("=", 1) for part in header.removeprefix(ALGORITHM).split(","))
        credential, signed, signature = told["Credential"], told["SignedHeaders"], told["Signature"]
        stamp, payload = request.headers["x-amz-date"], request.headers["x-amz-content-sha256"]
        if payload not in ("UNSIGNED-PAYLOAD", hashlib.sha256(body).hexdigest()):
            return "XAmzContentSHA256Mismatch"
        lasts = SKEW
    elif "X-Amz-Signature" in said:
        credential, signed, signature = said["X-Amz-Credential"], said["X-Amz-SignedHeaders"], said["X-Amz-Signature"]
        stamp, payload = said["X-Amz-Date"], "UNSIGNED-PAYLOAD"
        lasts = timedelta(seconds=int(said["X-Amz-Expires"]))
        query = [(name, value) for name, value in query if name != "X-Amz-Signature"]
    else:
        return "AccessDenied"
    key, day, region, service, _ = credential.split("/")
    if key != KEY:
        return "InvalidAccessKeyId"
    if region != REGION:
        return "AuthorizationHeaderMalformed"
    canonical = "\n".join(
        [
            request.method,
            quote(request.scope["path"], safe="/-_.~"),
            "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in sorted(query)),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signed.split(";")),
            "",
            signed,
            payload,
        ]
    )
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing = f"AWS4{SECRET}".encode()
    for part in (day, region, service, "aws4_request"):
        signing = hmac.digest(signing, part.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(signing, text.encode(), "sha256").hex(), signature):
        return "SignatureDoesNotMatch"
    begun = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if not begun - SKEW <= datetime.now(UTC) <= begun + lasts:
        return "AccessDenied" if "X-Amz-Signature" in said else "RequestTimeTooSkewed"
    return None
