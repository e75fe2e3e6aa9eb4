"""Uploads as HTTP brings them: a form with a file, taken in within bounds, and cut into windows.

They carry no credential, so everything is bounded: a body's size and time, and the bytes of all bodies together (in
memory: nobody's voice is written anywhere but into the clip store).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final

import anyio
import msgspec
from anyio.lowlevel import checkpoint
from msgspec import Struct
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from undertone.core.errors import BadMessage, Overloaded
from undertone.core.messages import Name
from undertone.core.requests import ExternalId
from undertone.core.uploads import MAX_UPLOAD_BYTES, UploadCutter, window_ms
from undertone.core.window import WINDOW_MS, WindowClosed
from undertone.web.problems import HttpFault, too_large

# The other fields and the form's own lines.
MAX_FORM_BYTES: Final = 64 * 1024
MAX_FIELD_BYTES: Final = 4 * 1024  # a name has 200 characters
MAX_FIELDS: Final = 16
# A minute of MP3 at 128 kbit/s is 1 MB: 250 of them at once, as 1,000 candidates on lines of 1 Mbit/s have on the way.
MAX_HELD_BYTES: Final = 256 * 1024 * 1024
TURN_WITHIN_S: Final = 30.0  # storing takes milliseconds: who waits longer waits for a store that is away
# Two more uploads are due by then, from a line that is too slow for any of them.
BODY_WITHIN_S: Final = 120.0
# Sound handed to the cutter in one go, between turns of everybody else: nothing takes longer to search than headers
# without frames, and these take a millisecond (64 KiB of them, where the search ends: 20).
PIECE_BYTES: Final = 4 * 1024
OVERLOADED_RETRY_MS: Final = 5_000


class UploadFields(Struct, frozen=True, kw_only=True):
    """What stands in the form beside `file`."""

    meeting_id: str
    participant_id: ExternalId
    participant_name: Name


@dataclass(frozen=True, slots=True)
class Upload:
    """A form that has arrived. The file is in memory."""

    fields: UploadFields
    file: BinaryIO

    async def cut(self) -> tuple[list[WindowClosed], int]:
        """The windows and the file's length; the file is gone afterwards. Raises what `UploadCutter` does."""
        windows, total_bytes = await self._cut(WINDOW_MS)
        length_ms = window_ms(windows)
        if length_ms != WINDOW_MS:
            del windows
            windows, total_bytes = await self._cut(length_ms)
        self.file.close()
        return windows, total_bytes

    async def _cut(self, length_ms: int) -> tuple[list[WindowClosed], int]:
        cutter = UploadCutter(length_ms)
        self.file.seek(0)
        while piece := self.file.read(PIECE_BYTES):
            cutter.feed(piece)
            await checkpoint()
        return cutter.finish(), cutter.total_bytes


class _InMemory(MultiPartParser):
    spool_max_size = MAX_UPLOAD_BYTES + MAX_FORM_BYTES  # Starlette would write from 1 MB on into a temporary file


class Reception:
    """Takes uploads in: one per process. `stored_at_once` are cut and stored at a time."""

    def __init__(
        self,
        stored_at_once: int,
        *,
        max_bytes: int = MAX_UPLOAD_BYTES + MAX_FORM_BYTES,
        max_held_bytes: int = MAX_HELD_BYTES,
        within_s: float = BODY_WITHIN_S,
        turn_within_s: float = TURN_WITHIN_S,
    ) -> None:
        self.held_bytes = 0  # of all bodies that are being taken in, or cut and stored
        self.max_bytes = max_bytes
        self.max_held_bytes = max_held_bytes
        self.within_s = within_s
        self.turn_within_s = turn_within_s
        self._turns = anyio.Semaphore(stored_at_once)

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """While the block runs an upload may be cut, which takes its size in memory once more. Raises Overloaded."""
        with anyio.move_on_after(self.turn_within_s) as waited:
            await self._turns.acquire()
        if waited.cancelled_caught:
            raise _overloaded()
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def receive(self, request: Request) -> AsyncIterator[Upload]:
        """The upload, until the block ends. Raises HttpFault 408, 413 or 415, BadMessage, Overloaded."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "multipart/form-data":
            raise HttpFault(415, "unsupported_media_type", "send a form: Content-Type: multipart/form-data")
        said = request.headers.get("content-length", "0")
        if said.isdigit() and int(said) > self.max_bytes:
            raise too_large(self.max_bytes)
        taken = 0

        async def pieces() -> AsyncGenerator[bytes, None]:
            nonlocal taken
            async for piece in request.stream():
                taken += len(piece)
                self.held_bytes += len(piece)
                if taken > self.max_bytes:
                    raise too_large(self.max_bytes)
                if self.held_bytes > self.max_held_bytes:
                    raise _overloaded()
                yield piece

        try:
            form = await self._parse(request, pieces())
            try:
                yield _read(form)
            finally:
                await form.close()
        finally:
            self.held_bytes -= taken

    async def _parse(self, request: Request, pieces: AsyncGenerator[bytes, None]) -> FormData:
        parser = _InMemory(request.headers, pieces, max_files=1, max_fields=MAX_FIELDS, max_part_size=MAX_FIELD_BYTES)
        try:
            with anyio.fail_after(self.within_s):
                return await parser.parse()
        except TimeoutError:
            raise HttpFault(408, "request_timeout", f"the body did not arrive within {self.within_s:g} s") from None
        except ClientDisconnect:
            raise BadMessage("the connection broke before the body was whole") from None
        except MultiPartException as error:
            raise BadMessage(f"the form can't be read: {error.message}"[:500]) from None


def _read(form: FormData) -> Upload:
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise BadMessage("the form has no file: put the recording into the field `file`, with a file name")
    said = {name: value for name, value in form.items() if name != "file"}
    try:
        return Upload(msgspec.convert(said, UploadFields), file.file)
    except msgspec.ValidationError as error:
        raise BadMessage(f"the form is not what this call takes: {error}"[:500]) from None


def _overloaded() -> Overloaded:
    return Overloaded("too many uploads at once; send this one again", OVERLOADED_RETRY_MS)
