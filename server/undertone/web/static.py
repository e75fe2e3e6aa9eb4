"""The files of the browser's bundle, in memory with their compressed forms, and how one of them is answered."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

# mimetypes asks the machine, and machines differ. Only these are served.
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".wasm": "application/wasm",
    ".map": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
# Best first: brotli takes a tenth less than gzip. The endings are the build's.
_ENCODINGS: Final = {"br": ".br", "gzip": ".gz"}
# esbuild's hash of the content stands at the end of a name: what is behind it never changes.
_HASHED: Final = re.compile(r"-[A-Z0-9]{8}\.[a-z]+(\.map)?")
FOR_EVER: Final = "public, max-age=31536000, immutable"
# Names without a hash are for pages of others: a new version reaches them within five minutes.
FOR_NOW: Final = "public, max-age=300"
# Elements are for pages of any origin: there is no secret in the bundle, and no credential opens more of it.
_FOR_EVERYBODY: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept-Encoding",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file. `forms` are its bytes by content coding; "identity" is always there."""

    media_type: str
    cache: str
    fingerprint: str
    forms: Mapping[str, bytes]

    def respond(self, request: Request) -> Response:
        """As the caller takes it; 304 if it has it. RFC 9110: sections 8.8.3 and 12.5.3."""
        accept = request.headers.get("accept-encoding", "")
        coding = next((each for each in _ENCODINGS if each in self.forms and takes(accept, each)), "identity")
        headers = {**_FOR_EVERYBODY, "Cache-Control": self.cache, "ETag": f'"{self.fingerprint}-{coding}"'}
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
        if headers["ETag"] in known or known == ["*"]:
            return Response(None, 304, headers)
        if coding != "identity":
            headers["Content-Encoding"] = coding
        return Response(self.forms[coding], 200, headers, media_type=self.media_type)


@dataclass(frozen=True, slots=True)
class Bundle:
    """What `make bundle` built: files by name, pages as the text that they are made from."""

    files: Mapping[str, StaticFile]
    pages: Mapping[str, str]


def read_bundle(folder: Path) -> Bundle | None:
    """Everything in `folder`; None where nothing was built."""
    if not folder.is_dir():
        return None
    paths = sorted(folder.iterdir())
    files = {path.name: _read(path) for path in paths if path.suffix in _TYPES}
    pages = {path.stem: path.read_text(encoding="utf-8") for path in paths if path.suffix == ".html"}
    return Bundle(files, pages) if files and pages else None


def _read(path: Path) -> StaticFile:
    forms = {"identity": path.read_bytes()}
    for coding, ending in _ENCODINGS.items():
        beside = path.with_name(path.name + ending)
        if beside.is_file():
            forms[coding] = beside.read_bytes()
    return StaticFile(
        media_type=_TYPES[path.suffix],
        cache=FOR_EVER if _HASHED.search(path.name) else FOR_NOW,
        fingerprint=hashlib.sha256(forms["identity"]).hexdigest()[:16],
        forms=forms,
    )


def takes(accept: str, wanted: str) -> bool:
    """Whether `wanted` is named in a header that says what its sender takes (RFC 9110 section 12.5); `*` names none."""
    for choice in accept.split(","):
        name, *parameters = (part.strip().lower() for part in choice.split(";"))
        if name == wanted:
            return not any(re.fullmatch(r"q=0(\.0{0,3})?", parameter) for parameter in parameters)
    return False
