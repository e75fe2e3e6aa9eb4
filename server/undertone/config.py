"""The environment, read once into one frozen value.

Every setting is declared once, below: its default, how its text is read, and what it means. `UNDERTONE_<NAME>` sets it;
those that a command takes as an option say it there too, and the option wins. All wrong values are told together, each
with what would be right, before anything starts.
"""

# ruff: noqa: RUF009  # `_setting` is `dataclasses.field` under a name that types its metadata

from __future__ import annotations

import dataclasses
import difflib
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from undertone import database_urls
from undertone import setting_texts as texts
from undertone.core.errors import UndertoneError

PREFIX: Final = "UNDERTONE_"

# Variables that belong to a command of ours but are no settings of the server.
OTHER_COMMANDS: Final = frozenset({"CANDIDATES", "PROCTORS", "SPEED", "AUDIO", "SERVER", "DURATION", "JSON", "SEED"})


class ConfigError(UndertoneError):
    """Settings that can't be used; says for each what would be right."""


T = TypeVar("T")

SERVE: Final = ("serve",)
ANALYSIS: Final = ("serve", "worker")
ALL: Final = ("serve", "worker", "admin")


def _setting(
    default: T, read: Callable[[str], T], meaning: str, *, of: tuple[str, ...] = SERVE, private: bool = False
) -> T:
    """A field of Settings. `of` says which commands take it as an option; a private one is never printed and is no
    option: those show in `ps`."""
    metadata = {"read": read, "meaning": meaning, "of": () if private else of, "private": private}
    made: T = field(default=default, repr=not private, metadata=metadata)
    return made


@dataclass(frozen=True, slots=True)
class Settings:
    """What this process was told. Lists are separated by commas; an empty value counts as unset."""

    host: str = _setting("127.0.0.1", str, "address to listen on; others than loopback take a secret and an API key")
    port: int = _setting(8000, texts.whole(0, 65535), "port to listen on; 0 takes a free one")
    data: Path = _setting(Path(".undertone"), Path, "folder for clips, the secret and the embedded database", of=ALL)
    workers: int | None = _setting(
        None,
        texts.whole(0, 256),
        "analysis processes, and the cores they take; unset: all cores, the sockets first; 0: none in serve",
        of=ANALYSIS,
    )
    database_url: str | None = _setting(
        None,
        database_urls.database_url,
        "PostgreSQL 15 or later, shared by all nodes; unset: one in the data folder",
        private=True,
    )
    listen_url: str | None = _setting(
        None,
        database_urls.database_url,
        "the same database past its pooler, for wake-ups, which poolers in transaction mode do not hand on",
        private=True,
    )
    database_connections: int = _setting(
        18, texts.whole(4, 1000), "connections to the database that this process opens at most", of=ANALYSIS
    )
    clips: Path | str | None = _setting(
        None,
        texts.clips,
        "folder that holds clips/, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix; "
        "unset: the data folder",
        of=ANALYSIS,
    )
    clips_endpoint: str | None = _setting(
        None, texts.endpoint, "address of an object store that is not the vendor's own: R2, MinIO", of=ANALYSIS
    )
    clip_links: str = _setting(
        "store",
        texts.one_of("store", "server"),
        "where links to clips in a bucket lead: to it, signed, or through here",
    )
    secret: tuple[str, ...] = _setting(
        (), texts.secrets, "signs tokens and links; the first signs, all are valid, so keys rotate", private=True
    )
    api_key: str | None = _setting(
        None, texts.api_key, "for who creates meetings; unset: everybody on loopback", private=True
    )
    origins: tuple[str, ...] = _setting((), texts.origins, "web origins besides our own that may call")
    polling_api: bool = _setting(
        False, texts.switch, "1: the routes of the polling front end, whose uploads carry no token (docs/migration.md)"
    )
    public_url: str | None = _setting(None, texts.url, "the address people open, where a proxy stands before this one")
    proxies: tuple[str, ...] = _setting(
        ("127.0.0.1", "::1"), texts.addresses, "addresses whose X-Forwarded-For and -Proto are believed"
    )
    max_speed: float = _setting(4.0, texts.speed, "how fast a stream may come, times real time; 0 for no limit")
    creates_per_minute: int = _setting(
        # Generous: a school of 3,000 behind one address joins within a minute.
        3000,
        texts.whole(0, 1_000_000),
        "meetings and participants one address may create a minute; 0 for no limit",
    )
    max_sockets: int = _setting(
        0, texts.whole(0, 1_000_000), "sockets this node holds; 0: as many as open files allow (ulimit -n)"
    )
    candidate_token_seconds: int = _setting(4 * 3600, texts.whole(5, 7 * 86_400), "lifetime of a candidate's token")
    proctor_token_seconds: int = _setting(12 * 3600, texts.whole(5, 7 * 86_400), "lifetime of a proctor's token")
    rooms: str = _setting(
        "local",
        texts.one_of("local", "realtimekit", "dyte", "livekit"),
        "meeting provider: local (no account), realtimekit, dyte or livekit; docs/rooms.md",
    )
    realtimekit_account: str | None = _setting(None, str, "realtimekit: the Cloudflare account's id")
    realtimekit_app: str | None = _setting(None, str, "realtimekit: the app's id")
    realtimekit_token: str | None = _setting(
        None, texts.token, "realtimekit: an API token with the permission Realtime", private=True
    )
    realtimekit_url: str = _setting(
        "https://api.cloudflare.com/client/v4",
        texts.service_url("https://api.cloudflare.com/client/v4"),
        "realtimekit: where its API is",
    )
    dyte_org: str | None = _setting(None, str, "dyte: the organization's id")
    dyte_key: str | None = _setting(None, texts.token, "dyte: the organization's API key", private=True)
    dyte_url: str = _setting(
        "https://api.dyte.io/v2", texts.service_url("https://api.dyte.io/v2"), "dyte: where its API is"
    )
    livekit_url: str | None = _setting(
        None, texts.server_url("wss://live.example.org"), "livekit: the server, as browsers reach it too"
    )
    livekit_api_key: str | None = _setting(None, str, "livekit: the API key's name")
    livekit_api_secret: str | None = _setting(None, texts.token, "livekit: the API key's secret", private=True)
    candidate_preset: str = _setting(
        "group_call_participant", str, "realtimekit, dyte: the preset that candidates join with"
    )
    proctor_preset: str = _setting("group_call_host", str, "realtimekit, dyte: the preset that proctors join with")
    diarizer: str = _setting(
        "local",
        texts.engines,
        "what hears who speaks when: local, deepgram, sherpa, or a chain such as deepgram,local or local+deepgram",
        of=ANALYSIS,
    )
    deepgram_api_key: str | None = _setting(None, texts.token, "key of the Deepgram account", private=True)
    deepgram_url: str = _setting(
        "https://api.deepgram.com",
        texts.service_url("https://api.eu.deepgram.com"),
        "where Deepgram is: a region of theirs, or one's own",
        of=ANALYSIS,
    )
    deepgram_concurrency: int = _setting(
        # developers.deepgram.com/reference/api-rate-limits: nova-3 with diarization, pre-recorded, pay as you go.
        50,
        texts.whole(1, 1000),
        "windows at once with Deepgram; the plan's limit is for all nodes together",
        of=ANALYSIS,
    )
    deepgram_language: str | None = _setting(
        None, texts.word, "language that Deepgram expects, or multi; unset: its default, English", of=ANALYSIS
    )
    sherpa_segmentation: Path | None = _setting(None, Path, "sherpa's segmentation network, an ONNX file", of=ANALYSIS)
    sherpa_embedding: Path | None = _setting(None, Path, "sherpa's voice embedding network, an ONNX file", of=ANALYSIS)
    sherpa_threshold: float = _setting(
        # sherpa-onnx's own; which is right depends on the embedding network.
        0.5,
        texts.distance,
        "how unlike two voices have to be for sherpa to be two people",
        of=ANALYSIS,
    )
    analysis_seconds: int = _setting(
        60, texts.whole(1, 3600), "an analysis of one window by one engine that takes longer is ended", of=ANALYSIS
    )
    anomaly_minutes: int = _setting(
        10, texts.whole(1, 1440), "how long further windows grow an open anomaly", of=ANALYSIS
    )
    voice_profile: bool = _setting(
        True,
        texts.switch,
        "1: a candidate's voice is known again in later windows; 0: no voice profile is kept",
        of=ANALYSIS,
    )
    retention_days: int = _setting(
        30, texts.whole(1, 36_500), "an ended meeting and its evidence are deleted after this", of=ANALYSIS
    )
    event_days: int = _setting(90, texts.whole(1, 36_500), "events older than this are trimmed", of=ANALYSIS)
    log_level: str = _setting("info", texts.one_of("debug", "info", "warning", "error"), "how much is logged", of=ALL)

    @classmethod
    def read(cls, environment: Mapping[str, str], options: Mapping[str, str | None] | None = None) -> Settings:
        """Settings from the environment and, before it, command-line options by field name. Raises ConfigError."""
        values: dict[str, object] = {}
        wrong: list[str] = []
        for each in dataclasses.fields(cls):
            variable, option = PREFIX + each.name.upper(), "--" + each.name.replace("_", "-")
            text = (options or {}).get(each.name)
            name = variable if text is None else option
            text = environment.get(variable, "") if text is None else text
            if not text.strip():
                continue
            try:
                values[each.name] = each.metadata["read"](text.strip())
            except ValueError as error:
                # An address may have a password in it: what is wrong is shown, and often logged.
                shown = "" if each.metadata["private"] or "@" in text else f"={text}"
                wrong.append(f"{name}{shown}: {error}")
        if wrong:
            raise ConfigError("\n".join(wrong))
        return cls(**values)  # type: ignore[arg-type]  # each value was read by its own field's reader

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach the address."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"

    def refuse_open_doors(self) -> None:
        """Others than this machine may reach us only with a secret and an API key that nobody guesses.

        Raises ConfigError. On loopback, with no proxy before it, short ones will do for a trial; `easily_guessed` says
        which.
        """
        needed = (("UNDERTONE_SECRET", self.secret), ("UNDERTONE_API_KEY", self.api_key))
        missing = [name for name, value in needed if not value]
        if missing and not self.loopback:
            raise ConfigError(
                f"{self.host} can be reached from other machines: set {' and '.join(missing)} first "
                f"(make one with {texts.MAKER}), or leave --host at 127.0.0.1"
            )
        reached = self.public_url or ("" if self.loopback else self.host)
        if reached and (short := self.easily_guessed()):
            raise ConfigError(f"{reached} can be reached from other machines: {'; '.join(short)}")

    def easily_guessed(self) -> list[str]:
        """What is too short to be safe, in words."""
        found = []
        if any(len(secret) < texts.MIN_SECRET_CHARACTERS for secret in self.secret):
            found.append(f"each of UNDERTONE_SECRET needs {texts.MIN_SECRET_CHARACTERS} characters or more")
        if self.api_key and len(self.api_key) < texts.MIN_API_KEY_CHARACTERS:
            found.append(f"UNDERTONE_API_KEY needs {texts.MIN_API_KEY_CHARACTERS} characters or more")
        return [f"{wrong} (make one with {texts.MAKER})" for wrong in found]


def options_of(command: str) -> list[tuple[str, str, str]]:
    """For a command's help: each option that it takes, its meaning, and its default in words."""
    return [
        ("--" + each.name.replace("_", "-"), each.metadata["meaning"], _in_words(each.default))
        for each in dataclasses.fields(Settings)
        if command in each.metadata["of"]
    ]


def private_variables() -> list[tuple[str, str]]:
    """For the help: what only the environment may say, since command lines show in `ps`."""
    return [
        (PREFIX + each.name.upper(), each.metadata["meaning"])
        for each in dataclasses.fields(Settings)
        if each.metadata["private"]
    ]


def _in_words(default: object) -> str:
    if default in (None, ()):
        return "unset"
    if isinstance(default, bool):
        return str(int(default))
    return ",".join(default) if isinstance(default, tuple) else str(default)


def unknown_variables(environment: Mapping[str, str]) -> list[str]:
    """A line for each UNDERTONE_ variable that nothing reads: most likely a slip of the pen."""
    known = {PREFIX + each.name.upper() for each in dataclasses.fields(Settings)}
    lines = []
    for name in sorted(environment):
        if not name.startswith(PREFIX) or name in known or name.removeprefix(PREFIX) in OTHER_COMMANDS:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        lines.append(f"{name} is not a setting and has no effect" + (f"; did you mean {near[0]}?" if near else ""))
    return lines
