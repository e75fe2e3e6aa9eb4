"""Clips in a bucket of S3 (or what speaks its protocol), Google Cloud Storage or Azure Blob Storage, through `obstore`.

`put` is a conditional one (`If-None-Match: *` and its likes), durable when the vendor has answered. Every call is
bounded in time, with its retries and its waiting for a turn; cancelled, it drops its connection. Only an answer that
says of the object itself that it is missing is believed: a bucket that is gone, or a proxy's 404, is a store that is
away. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (conditional put, 409 and 412)
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import AzureStore, GCSStore, S3Store, from_url

from undertone.core.errors import NotFound, Unavailable
from undertone.store.clips import ALL_CLIPS, ANSWER_WITHIN_S, LISTED_AT_A_TIME, ClipStore, Stored, WrongStore, away
from undertone.store.clips_faults import OBJECT_MISSING, Refusal, advice

if TYPE_CHECKING:
    from obstore import GetOptions

log: Final = logging.getLogger("undertone")

# Each way has turns of its own: however many readers wait, what candidates send is still stored. 32 at 100 ms a clip
# are 320 windows a second and 16 MB in flight.
WRITING_AT_ONCE: Final = 32
READING_AT_ONCE: Final = 32
# A connection that takes longer than this is as good as refused, and there is time for another one.
CONNECT_WITHIN_S: Final = 3.0
# Of 5xx, broken connections and, where that is safe, time-outs; all of them within the call's own time.
RETRIES: Final = 2
RETRY_AFTER_S: Final = 0.1
RETRY_AFTER_AT_MOST_S: Final = 1.0
# Links of any length of life would do to find out where they lead.
TRIED_LINK_S: Final = 60

# Browsers play what says that it is audio. What is linked to for minutes must not lie in a cache for longer.
_ATTRIBUTES: Final = {"Content-Type": "audio/mpeg", "Cache-Control": "no-store"}
# Of pages and documents: what a proxy, or a portal that wants a login, answers with and calls a success.
_NO_SOUND: Final = ("text/", "application/xml", "application/json")
# What obstore calls the address of the service, where it is not the vendor's own.
_ENDPOINT_KEY: Final = {"s3": "endpoint", "gs": "base_url", "az": "endpoint"}

Bucket: TypeAlias = S3Store | GCSStore | AzureStore
T = TypeVar("T")


class CloudClips(ClipStore):
    """The objects below `url`: `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`.

    Credentials and region come from the variables that each vendor's own tools read. `endpoint` is the service's
    address where it is not the vendor's (R2, MinIO). Raises WrongStore for what can't even be asked.
    """

    def __init__(
        self,
        url: str,
        *,
        endpoint: str | None = None,
        links: bool = True,
        within_s: float = ANSWER_WITHIN_S,
        listed_at_a_time: int = LISTED_AT_A_TIME,
    ) -> None:
        self._url = url
        self._scheme = urlsplit(url).scheme
        self._within_s = within_s
        self._listed_at_a_time = listed_at_a_time
        self._links = links
        self._origin: str | None = None
        self._writing = asyncio.Semaphore(WRITING_AT_ONCE)
        self._reading = asyncio.Semaphore(READING_AT_ONCE)
        self._bucket = _opened(url, self._scheme, endpoint, within_s)

    @property
    def origin(self) -> str | None:
        return self._origin

    async def put(self, name: str, data: bytes) -> None:
        try:
            await self._call(
                self._writing,
                lambda: self._bucket.put_async(name, data, mode="create", attributes=_ATTRIBUTES, use_multipart=False),
            )
        except AlreadyExistsError as error:
            await self._look_whose(name, data, error)

    async def _look_whose(self, name: str, data: bytes, error: AlreadyExistsError) -> None:
        """Names are nobody else's: most likely it is ours, from an attempt whose answer was lost. S3 also says 409 to
        two attempts that meet, and then nothing is there."""
        try:
            found = await self.get(name)
        except NotFound:
            raise away("two attempts met") from Refusal(error)
        if found != data:
            raise FileExistsError(name) from None

    async def get(self, name: str) -> bytes:
        return await self._get(name, {})

    async def get_range(self, name: str, start: int, end: int) -> bytes:
        return await self._get(name, {"range": (start, end)})

    async def _get(self, name: str, options: GetOptions) -> bytes:
        async def get() -> bytes:
            found = await self._bucket.get_async(name, options=options)
            if found.attributes.get("Content-Type", "").startswith(_NO_SOUND):
                raise away("somebody else answered")
            return bytes(await found.bytes_async())

        return await self._call(self._reading, get)

    async def delete(self, name: str) -> None:
        with suppress(NotFound):
            await self._call(self._writing, lambda: self._bucket.delete_async(name))

    async def list(self, prefix: str = ALL_CLIPS) -> AsyncIterator[Stored]:
        listing = self._bucket.list(prefix, chunk_size=self._listed_at_a_time)

        async def following() -> Any:
            try:
                return await listing.__anext__()
            except StopAsyncIteration:
                return ()

        while chunk := await self._call(self._reading, following):
            for meta in chunk:
                yield Stored(meta["path"], meta["last_modified"], meta["size"])

    async def link(self, name: str, seconds: int) -> str | None:
        if not self._links:
            return None
        until = timedelta(seconds=seconds)
        return await self._call(self._reading, lambda: obstore.sign_async(self._bucket, "GET", name, until))

    async def check(self) -> None:
        try:
            await super().check()
            async for _ in self.list(f"{ALL_CLIPS}/start"):  # what can't be listed can't be swept
                break
        except Unavailable as fault:
            said = fault.__cause__
            better = advice(said, self._scheme, self._url) if isinstance(said, Refusal) else None
            if better is not None:
                raise WrongStore(f"clips can't be kept in {self._url}: {better} ({said})") from None
            raise
        await self._find_origin()

    async def _find_origin(self) -> None:
        try:
            link = await self.link(f"{ALL_CLIPS}/start", TRIED_LINK_S)
        except Unavailable as fault:
            log.warning("links to clips lead through this server: these credentials sign none: %s", fault.__cause__)
            self._links = False
            return
        if link is not None:
            parts = urlsplit(link)
            self._origin = f"{parts.scheme}://{parts.netloc}"

    async def _call(self, turns: asyncio.Semaphore, work: Callable[[], Awaitable[T]]) -> T:
        try:
            async with asyncio.timeout(self._within_s), turns:
                return await work()
        except TimeoutError as error:
            raise away(f"no answer within {self._within_s:g} s") from error
        except AlreadyExistsError:
            raise
        except (OSError, BaseError) as error:
            said = Refusal(error)
            if said.status == 404 and said.code in OBJECT_MISSING:
                raise NotFound("no such clip") from None
            raise away(said.kind) from said


def _opened(url: str, scheme: str, endpoint: str | None, within_s: float) -> Bucket:
    config: dict[str, str] = {} if endpoint is None else {_ENDPOINT_KEY[scheme]: endpoint}
    if scheme == "s3":
        # One object a call anyhow, and not everything that speaks S3 has the other call.
        config["disable_bulk_delete"] = "true"
    try:
        opened = from_url(
            url,
            config=cast("Any", config),
            client_options={
                "allow_http": endpoint is not None and endpoint.startswith("http:"),
                "connect_timeout": timedelta(seconds=min(CONNECT_WITHIN_S, within_s)),
                "timeout": timedelta(seconds=within_s),
            },
            retry_config={
                "max_retries": RETRIES,
                "retry_timeout": timedelta(seconds=within_s),
                "backoff": {
                    "init_backoff": timedelta(seconds=RETRY_AFTER_S),
                    "max_backoff": timedelta(seconds=RETRY_AFTER_AT_MOST_S),
                },
            },
        )
    except (BaseError, OSError, ValueError) as error:
        said = Refusal(error)
        raise WrongStore(f"clips can't be kept in {url}: {advice(said, scheme, url) or said}") from None
    return cast("Bucket", opened)
