"""Settings: read once, wrong ones named with what would be right, doors not left open."""

from __future__ import annotations

import contextlib
import dataclasses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from undertone.config import PREFIX, ConfigError, Settings, options_of, unknown_variables

SECRET = "a secret of at least 32 characters"
KEY = "a-key-of-16-characters"


def test_nothing_said_is_a_server_for_this_machine_alone() -> None:
    settings = Settings.read({})
    assert settings == Settings()
    assert (settings.host, settings.port, settings.data) == ("127.0.0.1", 8000, Path(".undertone"))
    assert settings.loopback
    settings.refuse_open_doors()


def test_the_environment_sets_every_setting() -> None:
    said = {
        "HOST": "::1",
        "PORT": "0",
        "DATA": "/srv/exams",
        "WORKERS": "3",
        "DATABASE_URL": "postgres://u:p@h:5433/d?sslmode=require",
        "LISTEN_URL": "postgresql://u:p@direct:5432/d",
        "DATABASE_CONNECTIONS": "8",
        "CLIPS": "s3://exams/autumn/",
        "CLIPS_ENDPOINT": "https://account.r2.cloudflarestorage.com/",
        "CLIP_LINKS": "server",
        "SECRET": f"{SECRET}, {SECRET[::-1]}",
        "API_KEY": KEY,
        "ORIGINS": "https://Exams.example.org, http://localhost:3000/",
        "POLLING_API": "1",
        "PUBLIC_URL": "https://undertone.example.org/",
        "PROXIES": "10.0.0.0/8,::1",
        "MAX_SPEED": "0",
        "CREATES_PER_MINUTE": "5",
        "MAX_SOCKETS": "100",
        "CANDIDATE_TOKEN_SECONDS": "60",
        "PROCTOR_TOKEN_SECONDS": "90",
        "ROOMS": "LiveKit",
        "REALTIMEKIT_ACCOUNT": "023e",
        "REALTIMEKIT_APP": "exams",
        "REALTIMEKIT_TOKEN": "token",
        "REALTIMEKIT_URL": "https://kit.example.org/v4/",
        "DYTE_ORG": "org",
        "DYTE_KEY": "key",
        "DYTE_URL": "http://127.0.0.1:9/v2",
        "LIVEKIT_URL": "wss://live.example.org",
        "LIVEKIT_API_KEY": "API",
        "LIVEKIT_API_SECRET": "secret",
        "CANDIDATE_PRESET": "candidate",
        "PROCTOR_PRESET": "proctor",
        "DIARIZER": "Local + deepgram, sherpa",
        "DEEPGRAM_API_KEY": "dg_0123456789",
        "DEEPGRAM_URL": "https://api.eu.deepgram.com/",
        "DEEPGRAM_CONCURRENCY": "7",
        "DEEPGRAM_LANGUAGE": "ar",
        "SHERPA_SEGMENTATION": "/srv/segmentation.onnx",
        "SHERPA_EMBEDDING": "/srv/voices.onnx",
        "SHERPA_THRESHOLD": "0.8",
        "ANALYSIS_SECONDS": "30",
        "ANOMALY_MINUTES": "5",
        "VOICE_PROFILE": "0",
        "RETENTION_DAYS": "7",
        "EVENT_DAYS": "14",
        "LOG_LEVEL": "DEBUG",
    }
    assert {name.lower() for name in said} == {field.name for field in dataclasses.fields(Settings)}
    assert Settings.read({PREFIX + name: value for name, value in said.items()}) == Settings(
        host="::1",
        port=0,
        data=Path("/srv/exams"),
        workers=3,
        database_url="postgresql://u:p@h:5433/d?sslmode=require",
        listen_url="postgresql://u:p@direct:5432/d",
        database_connections=8,
        clips="s3://exams/autumn",
        clips_endpoint="https://account.r2.cloudflarestorage.com",
        clip_links="server",
        secret=(SECRET, SECRET[::-1]),
        api_key=KEY,
        origins=("https://exams.example.org", "http://localhost:3000"),
        polling_api=True,
        public_url="https://undertone.example.org",
        proxies=("10.0.0.0/8", "::1"),
        max_speed=0.0,
        creates_per_minute=5,
        max_sockets=100,
        candidate_token_seconds=60,
        proctor_token_seconds=90,
        rooms="livekit",
        realtimekit_account="023e",
        realtimekit_app="exams",
        realtimekit_token="token",
        realtimekit_url="https://kit.example.org/v4",
        dyte_org="org",
        dyte_key="key",
        dyte_url="http://127.0.0.1:9/v2",
        livekit_url="wss://live.example.org",
        livekit_api_key="API",
        livekit_api_secret="secret",
        candidate_preset="candidate",
        proctor_preset="proctor",
        diarizer="local+deepgram,sherpa",
        deepgram_api_key="dg_0123456789",
        deepgram_url="https://api.eu.deepgram.com",
        deepgram_concurrency=7,
        deepgram_language="ar",
        sherpa_segmentation=Path("/srv/segmentation.onnx"),
        sherpa_embedding=Path("/srv/voices.onnx"),
        sherpa_threshold=0.8,
        analysis_seconds=30,
        anomaly_minutes=5,
        voice_profile=False,
        retention_days=7,
        event_days=14,
        log_level="debug",
    )


def test_an_option_wins_over_the_environment_and_an_empty_value_is_unset() -> None:
    settings = Settings.read({"UNDERTONE_PORT": "1", "UNDERTONE_HOST": " "}, {"port": "2", "workers": None})
    assert (settings.port, settings.host, settings.workers) == (2, "127.0.0.1", None)


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("PORT", "http", "a whole number from 0 to 65535"),
        ("PORT", "65536", "a whole number from 0 to 65535"),
        ("WORKERS", "-1", "a whole number from 0 to 256"),
        ("WORKERS", "1.5", "a whole number from 0 to 256"),
        ("MAX_SPEED", "nan", "times real time, 0 for no limit"),
        ("MAX_SPEED", "fast", "times real time, 0 for no limit"),
        ("DATABASE_URL", "mysql://h/d", "postgresql://user:password@host/database"),
        ("DATABASE_URL", "postgresql://h", "postgresql://user:password@host/database"),
        ("DATABASE_URL", "postgresql://u:p@h/d?sslmode=on", "sslmode must be one of disable, allow, prefer, require"),
        ("DATABASE_URL", "postgresql://u:p@h/d?pgbouncer=true", "the option pgbouncer is not known here: leave it out"),
        ("DATABASE_URL", "postgresql://u:p@h/d?statement_timeout=5s", "write options=-c%20statement_timeout%3D…"),
        ("DATABASE_URL", "postgresql://u:p@h/d?sslmode=require&channel_binding=require", "sslmode=verify-full instead"),
        ("DATABASE_URL", "postgresql://u:p@h/d?sslrootcert=/nowhere.pem", "sslrootcert names no file"),
        ("DATABASE_URL", "postgresql://u:p@h/d?sslmode", "name=value, joined by &"),
        ("LISTEN_URL", "mysql://h/d", "postgresql://user:password@host/database"),
        ("DATABASE_CONNECTIONS", "3", "a whole number from 4 to 1000"),
        ("CLIPS", "s4://exams", "s3://bucket/prefix, gs://bucket/prefix or az://container/prefix"),
        ("CLIPS", "s3://", "s3://bucket/prefix"),
        ("CLIPS", "s3://key:secret@exams/autumn", "s3://bucket/prefix"),
        ("CLIPS_ENDPOINT", "minio:9000", "such as https://"),
        ("CLIP_LINKS", "nowhere", "one of store, server"),
        ("API_KEY", "a key with spaces in it", "no spaces"),
        ("ORIGINS", "*", "scheme, host and port alone"),
        ("ORIGINS", "https://a.example/path", "scheme, host and port alone"),
        ("ORIGINS", "exams.example.org", "scheme, host and port alone"),
        ("PUBLIC_URL", "undertone.example.org", "such as https://"),
        ("PROXIES", "proxy.example.org", "neither an IP address nor a network"),
        ("ROOMS", "zoom", "one of local"),
        ("DIARIZER", "ears", "known are local, deepgram, sherpa"),
        ("VOICE_PROFILE", "off", "1 (on) or 0 (off) is needed"),
        ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
        ("CANDIDATE_TOKEN_SECONDS", "0", "a whole number from 5"),
    ],
)
def test_a_wrong_value_is_named_with_what_would_be_right(name: str, value: str, right: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.read({PREFIX + name: value})
    assert str(caught.value).startswith(PREFIX + name)
    assert right in str(caught.value)


def test_all_wrong_values_are_told_at_once_and_by_how_they_were_said() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.read({"UNDERTONE_ROOMS": "zoom"}, {"port": "x"})
    first, second = sorted(str(caught.value).splitlines())
    assert first.startswith("--port=x: ")
    assert second.startswith("UNDERTONE_ROOMS=zoom: ")


@pytest.mark.parametrize("name", ["SECRET", "API_KEY", "DATABASE_URL"])
def test_what_is_private_is_never_printed_and_no_option(name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.read({PREFIX + name: "hunter2 é"}, {"host": "0.0.0.0"}).refuse_open_doors()
    assert "hunter2" not in str(caught.value)
    assert name.lower().replace("_", "-") not in {
        option.removeprefix("--") for command in ("serve", "worker", "admin") for option, _, _ in options_of(command)
    }
    assert "hunter2" not in repr(Settings(secret=("hunter2",), api_key="hunter2", database_url="hunter2"))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "exams.example.org"])
def test_other_machines_get_in_only_with_a_secret_and_an_api_key(host: str) -> None:
    for said, missing in (
        ({}, ["UNDERTONE_SECRET", "UNDERTONE_API_KEY"]),
        ({"UNDERTONE_SECRET": SECRET}, ["UNDERTONE_API_KEY"]),
        ({"UNDERTONE_API_KEY": KEY}, ["UNDERTONE_SECRET"]),
    ):
        with pytest.raises(ConfigError) as caught:
            Settings.read({**said, "UNDERTONE_HOST": host}).refuse_open_doors()
        assert [name for name in ("UNDERTONE_SECRET", "UNDERTONE_API_KEY") if name in str(caught.value)] == missing
    Settings.read({"UNDERTONE_SECRET": SECRET, "UNDERTONE_API_KEY": KEY}, {"host": host}).refuse_open_doors()


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback_needs_neither(host: str) -> None:
    Settings.read({}, {"host": host}).refuse_open_doors()


@pytest.mark.parametrize(
    ("said", "short"),
    [
        ({"UNDERTONE_SECRET": f"{SECRET},old", "UNDERTONE_API_KEY": KEY}, "each of UNDERTONE_SECRET needs 32"),
        ({"UNDERTONE_SECRET": SECRET, "UNDERTONE_API_KEY": "test-key"}, "UNDERTONE_API_KEY needs 16"),
    ],
)
def test_short_secrets_are_for_loopback_alone(said: dict[str, str], short: str) -> None:
    here = Settings.read(said)
    here.refuse_open_doors()
    assert [short in wrong for wrong in here.easily_guessed()] == [True]
    with pytest.raises(ConfigError, match=short):
        Settings.read(said, {"host": "0.0.0.0"}).refuse_open_doors()
    with pytest.raises(ConfigError, match=short):
        Settings.read({**said, "UNDERTONE_PUBLIC_URL": "https://exams.example.org"}).refuse_open_doors()


def test_a_slip_of_the_pen_is_told() -> None:
    (line,) = unknown_variables({"UNDERTONE_API_KEYS": "x", "UNDERTONE_PORT": "1", "PATH": "x", "UNDERTONE_SPEED": "2"})
    assert line == "UNDERTONE_API_KEYS is not a setting and has no effect; did you mean UNDERTONE_API_KEY?"


@given(st.sampled_from([field.name for field in dataclasses.fields(Settings)]), st.text())
def test_any_text_is_a_value_or_a_named_error(name: str, text: str) -> None:
    with contextlib.suppress(ConfigError):
        Settings.read({PREFIX + name.upper(): text})
