"""What the settings choose from: each place that can be one of several, made here and nowhere else."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import anyio

from undertone.config import PREFIX, ConfigError, Settings
from undertone.core.errors import Unavailable
from undertone.diarize.base import AnalysisError
from undertone.diarize.sherpa.models import Models
from undertone.diarize.specification import Term, parse
from undertone.rooms.base import Role, RoomProvider
from undertone.rooms.local import LocalRooms
from undertone.store.clips import ClipStore
from undertone.store.clips_cloud import CloudClips
from undertone.store.clips_folder import FolderClips
from undertone.store.hearing import Deaf, Reach
from undertone.store.notify import Listener, Notifier
from undertone.worker.analyzers import Analyzers
from undertone.worker.chains import Confirmed, InTurn
from undertone.worker.ears import AnalysisFailed, Ear, EngineUnusable, Remote

if TYPE_CHECKING:
    from undertone.diarize.deepgram.client import Deepgram
    from undertone.web.rooms import Lobby

log: Final = logging.getLogger("undertone")

_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
# One to tell and one to listen, of every process.
WAKE_UPS: Final = 2
# More than so many at a time a worker has no use for.
WORKERS_CONNECTIONS: Final = 10


def clip_store(settings: Settings) -> ClipStore:
    """Where clips are kept. Raises WrongStore for a place that can't be one, and ConfigError."""
    if isinstance(settings.clips, str):
        return CloudClips(settings.clips, endpoint=settings.clips_endpoint, links=settings.clip_links == "store")
    if settings.clips_endpoint is not None:
        raise ConfigError(
            "UNDERTONE_CLIPS_ENDPOINT is where a bucket is: name one with UNDERTONE_CLIPS=s3://bucket/prefix"
        )
    return FolderClips(settings.clips or settings.data)


def shares(connections: int) -> tuple[int, int]:
    """Of a server's connections to the database: how many are for calls and proctors, and how many for candidates.

    Candidates write through connections of their own: when a thousand windows end in the same second, or a thousand
    lines come back after a restart, proctors and calls do not wait behind them. Six keep one event loop busy. Two more
    are for wake-ups.
    """
    rest = connections - WAKE_UPS
    candidates = max(1, rest * 3 // 8)
    return rest - candidates, candidates


def listener(reach: Reach) -> Listener | Deaf:
    """Who hears what other processes tell."""
    return Deaf() if reach.listen_url is None else Listener(reach.listen_url)


def notifier(reach: Reach) -> Notifier:
    """Who tells them. Also where nothing is heard: another process may know a way past the pooler."""
    if reach.listen_url is None:
        return Notifier(reach.url, pooled=reach.pooled)
    return Notifier(reach.listen_url)


# What a provider can't do without.
ROOMS_NEED: Final[Mapping[str, tuple[str, ...]]] = {
    "realtimekit": ("realtimekit_account", "realtimekit_app", "realtimekit_token"),
    "dyte": ("dyte_org", "dyte_key"),
    "livekit": ("livekit_url", "livekit_api_key", "livekit_api_secret"),
}


def refuse_unfurnished_rooms(settings: Settings) -> None:
    """Raises ConfigError naming what the meeting provider needs and was not told."""
    missing = [PREFIX + name.upper() for name in ROOMS_NEED.get(settings.rooms, ()) if not getattr(settings, name)]
    if missing:
        raise ConfigError(f"{PREFIX}ROOMS={settings.rooms} needs {' and '.join(missing)}: set them (docs/rooms.md)")


def room_provider(settings: Settings) -> RoomProvider:
    """Who opens rooms. Raises ConfigError."""
    refuse_unfurnished_rooms(settings)
    given: list[str] = [getattr(settings, name) for name in ROOMS_NEED.get(settings.rooms, ())]
    if settings.rooms == "local":
        return LocalRooms()  # without loading the others

    from undertone.rooms import dyte, livekit, realtimekit  # for who uses them: httpx takes 0.1 s to import

    presets: Mapping[Role, str] = {"candidate": settings.candidate_preset, "proctor": settings.proctor_preset}
    match settings.rooms, given:
        case "realtimekit", [account, app, token]:
            return realtimekit.realtimekit(settings.realtimekit_url, account, app, token, presets)
        case "dyte", [org, key]:
            return dyte.dyte(settings.dyte_url, org, key, presets)
        case "livekit", [url, key, secret]:
            return livekit.LiveKitRooms(url, key, secret)
    return LocalRooms()


@asynccontextmanager
async def open_lobby(settings: Settings) -> AsyncIterator[Lobby]:
    """The way into rooms, after one cheap question to their provider.

    Raises RoomsMisset for settings that can't be right. A provider that is away keeps nobody from serving: exams are
    heard without it.
    """
    from undertone.web.rooms import Lobby  # for who serves: workers need nothing of the web

    async with aclosing(room_provider(settings)) as rooms:
        try:
            await rooms.check()
        except Unavailable as fault:
            log.warning("serving all the same, and meetings can't be created until it answers: %s", fault.detail)
        if settings.rooms in ("realtimekit", "dyte"):
            log.warning(
                "%s sends every candidate all others: our page alone keeps to proctors (docs/rooms.md)", rooms.name
            )
        yield Lobby(rooms)


def ear(settings: Settings, processes: int) -> Ear:
    """What listens, on so many cores. Settings that nobody checked are found out by the first window."""
    specification = parse(settings.diarizer)
    cores = anyio.CapacityLimiter(processes)
    engines = {name: _engine(settings, name, cores) for name in specification.engines}

    def of(term: Term) -> Ear:
        first = engines[term.first]
        return first if term.second is None else Confirmed(str(term), first, engines[term.second])

    terms = [of(term) for term in specification.terms]
    return terms[0] if len(terms) == 1 else InTurn(str(specification), terms)


def _engine(settings: Settings, name: str, cores: anyio.CapacityLimiter) -> Ear:
    deadline_s = settings.analysis_seconds
    if name == "deepgram":
        return Remote(_deepgram(settings), settings.deepgram_concurrency, deadline_s=deadline_s)
    models = _models(settings) if name == "sherpa" else None
    return Analyzers(name, int(cores.total_tokens), models=models, cores=cores, deadline_s=deadline_s)


def _deepgram(settings: Settings) -> Deepgram:
    from undertone.diarize.deepgram.client import Account, Deepgram  # for who uses it: httpx takes 0.1 s to import

    return Deepgram(Account(settings.deepgram_url, settings.deepgram_api_key or "", settings.deepgram_language))


def _models(settings: Settings) -> Models:
    paths = (settings.sherpa_segmentation or Path(), settings.sherpa_embedding or Path())
    segmentation, embedding = (str(path.absolute()) for path in paths)
    return Models(segmentation, embedding, settings.sherpa_threshold)


def check_engines(settings: Settings) -> None:
    """Before anything starts: whether the engines can be used at all. Raises ConfigError, which says what would help.

    A vendor that is away is no reason not to start, and nobody is woken for it: a wrong key is.
    """
    engines = parse(settings.diarizer).engines
    wrong = [*_missing_key(settings, engines), *_missing_models(settings, engines)]
    if wrong:
        raise ConfigError("\n".join(wrong))
    if "deepgram" in engines:
        anyio.run(_check_deepgram, settings)
    if "sherpa" in engines:
        anyio.run(_check_sherpa, settings)


def _missing_key(settings: Settings, engines: tuple[str, ...]) -> list[str]:
    if "deepgram" not in engines or settings.deepgram_api_key:
        return []
    return [f"the engine {settings.diarizer} needs UNDERTONE_DEEPGRAM_API_KEY: make a key in Deepgram's console"]


def _missing_models(settings: Settings, engines: tuple[str, ...]) -> list[str]:
    if "sherpa" not in engines:
        return []
    wrong = []
    for name, path in (("SEGMENTATION", settings.sherpa_segmentation), ("EMBEDDING", settings.sherpa_embedding)):
        if path is None:
            wrong.append(f"the engine {settings.diarizer} needs UNDERTONE_SHERPA_{name}: the path of an ONNX file")
        elif not path.is_file():
            wrong.append(f"UNDERTONE_SHERPA_{name}={path}: no such file")
    return wrong


async def _check_deepgram(settings: Settings) -> None:
    from undertone.diarize.deepgram.client import KeyRefused

    deepgram = _deepgram(settings)
    try:
        await deepgram.check()
    except KeyRefused as refused:
        raise ConfigError(
            f"UNDERTONE_DEEPGRAM_API_KEY: {refused}; set a key that {settings.deepgram_url} knows"
        ) from None
    except AnalysisError as unknown:
        log.warning("whether Deepgram takes the key is not known yet: %s", unknown)
    finally:
        await deepgram.close()
    parts = urlsplit(settings.deepgram_url)
    if parts.scheme == "http" and parts.hostname not in _THIS_MACHINE:
        log.warning("UNDERTONE_DEEPGRAM_URL=%s: key and sound go there unencrypted", settings.deepgram_url)
    which = "every window" if parse(settings.diarizer).terms[0].first == "deepgram" else "some windows"
    log.info("engine %s: the sound of %s goes to %s", settings.diarizer, which, settings.deepgram_url)


async def _check_sherpa(settings: Settings) -> None:
    """In an analyzer process: whatever the library does to it."""
    try:
        await Analyzers("sherpa", 1, models=_models(settings), deadline_s=settings.analysis_seconds).load()
    except (EngineUnusable, AnalysisFailed) as error:
        raise ConfigError(str(error)) from None
