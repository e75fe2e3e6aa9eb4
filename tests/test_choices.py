"""What the settings choose from, and what is said before anything starts where they can't be used."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.commands import undertone
from tests.diarize.sherpa.networks import embedding, segmentation
from tests.serving import running_worker
from tests.standins.deepgram import KEY, NARROW_KEY, Deepgram, deepgram, error_body
from tests.standins.serving import Answers, Behaviour, HangsUp, NeverAnswers
from undertone.choices import check_engines, ear
from undertone.config import ConfigError, Settings
from undertone.diarize.deepgram import client
from undertone.worker.analyzers import Analyzers
from undertone.worker.chains import Confirmed, InTurn
from undertone.worker.ears import Remote


@pytest.fixture(scope="module")
def running() -> Iterator[Deepgram]:
    with deepgram() as standin:
        yield standin


@pytest.fixture
def standin(running: Deepgram, monkeypatch: pytest.MonkeyPatch) -> Deepgram:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running.queue.clear()
    running.always = None
    return running


def settings(**said: str) -> Settings:
    return Settings.read({f"UNDERTONE_{name.upper()}": value for name, value in said.items()})


def refused(**said: str) -> str:
    with pytest.raises(ConfigError) as told:
        check_engines(settings(**said))
    return str(told.value)


@pytest.mark.parametrize(
    ("diarizer", "kind", "capacity"),
    [
        ("local", Analyzers, 3),
        ("deepgram", Remote, 50),
        ("sherpa", Analyzers, 3),
        ("deepgram,local", InTurn, 50),
        ("local+deepgram", Confirmed, 3),
        ("local+deepgram,sherpa", InTurn, 3),
    ],
)
def test_every_specification_is_made(diarizer: str, kind: type, capacity: int) -> None:
    made = ear(settings(diarizer=diarizer), 3)
    assert type(made) is kind
    assert (made.name, made.capacity, made.beyond, made.waiting, made.crowded) == (diarizer, capacity, 0, 0, False)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"diarizer": "parrot"}, "UNDERTONE_DIARIZER=parrot: unknown engine 'parrot': known are local"),
        (
            {"deepgram_url": "api.deepgram.com"},
            "UNDERTONE_DEEPGRAM_URL=api.deepgram.com: the address of a service without credentials is needed",
        ),
        (
            {"deepgram_url": "https://me:two words@api.deepgram.com"},
            "UNDERTONE_DEEPGRAM_URL: the address of a service without credentials is needed",
        ),
        ({"deepgram_concurrency": "0"}, "a whole number from 1 to 1000"),
        ({"deepgram_language": "de;q=1"}, "letters, digits and hyphens"),
        ({"sherpa_threshold": "0"}, "above 0 and up to 2"),
        ({"deepgram_api_key": "two words"}, "UNDERTONE_DEEPGRAM_API_KEY: ASCII characters without spaces"),
    ],
)
def test_texts_that_can_t_be_right(said: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        settings(**said)
    assert told in str(wrong.value)
    assert "two words" not in str(wrong.value)


def test_the_key_is_in_no_text_of_the_settings() -> None:
    told = settings(diarizer="deepgram", deepgram_api_key=KEY)
    assert KEY not in repr(told)
    assert KEY not in repr(client.Account("https://api.deepgram.com", KEY))


def test_what_an_engine_needs_is_named_all_at_once(tmp_path: Path) -> None:
    network = tmp_path / "embedding.onnx"
    told = refused(diarizer="deepgram,sherpa", sherpa_embedding=str(network)).splitlines()
    assert told[0].startswith("the engine deepgram,sherpa needs UNDERTONE_DEEPGRAM_API_KEY")
    assert told[1].startswith("the engine deepgram,sherpa needs UNDERTONE_SHERPA_SEGMENTATION")
    assert told[2] == f"UNDERTONE_SHERPA_EMBEDDING={network}: no such file"
    check_engines(settings(diarizer="local", sherpa_embedding=str(network)))  # nobody asks for it


def test_a_network_that_sherpa_would_end_over_is_named(tmp_path: Path) -> None:
    networks = tmp_path / "segmentation.onnx", tmp_path / "embedding.onnx"
    networks[0].write_bytes(segmentation())
    networks[1].write_bytes(embedding({}))
    said = {"diarizer": "sherpa", "sherpa_segmentation": str(networks[0]), "sherpa_embedding": str(networks[1])}
    assert f"UNDERTONE_SHERPA_EMBEDDING={networks[1]}: its metadata's framework is missing" in refused(**said)
    networks[1].write_bytes(embedding())
    check_engines(settings(**said))


@pytest.mark.parametrize("diarizer", ["deepgram", "deepgram,local", "local+deepgram"])
def test_a_wrong_key_is_told_before_anything_starts(standin: Deepgram, diarizer: str) -> None:
    told = refused(diarizer=diarizer, deepgram_api_key="dg_wrong", deepgram_url=standin.url)
    assert told.startswith("UNDERTONE_DEEPGRAM_API_KEY: Deepgram refuses this service's key (401: INVALID_AUTH")
    assert "dg_wrong" not in told


@pytest.mark.parametrize(
    ("behaviour", "warned"),
    [
        (None, None),
        (Answers(401, error_body("INSUFFICIENT_PERMISSIONS", "…")), "answered 401 when asked about the key"),
        (Answers(404), "answered 404"),
        (Answers(429), "answered 429"),
        (Answers(503), "answered 503"),
        (HangsUp(), "the line to Deepgram failed"),
        (NeverAnswers(), "no answer from Deepgram"),
    ],
)
def test_a_vendor_that_is_away_is_no_reason_not_to_start(
    standin: Deepgram,
    behaviour: Behaviour | None,
    warned: str | None,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "CHECK_WITHIN_S", 5.0 if behaviour is None else 0.5)
    caplog.set_level(logging.INFO, "undertone")
    standin.always = behaviour
    check_engines(settings(diarizer="local+deepgram", deepgram_api_key=KEY, deepgram_url=standin.url))
    *warnings, privacy = caplog.records
    assert [warned in record.message for record in warnings if warned] == ([True] if warned else [])
    assert privacy.message == f"engine local+deepgram: the sound of some windows goes to {standin.url}"


def test_an_address_without_tls_is_told(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(client, "CHECK_WITHIN_S", 0.2)
    check_engines(settings(diarizer="deepgram", deepgram_api_key=KEY, deepgram_url="http://deepgram.invalid"))
    assert "key and sound go there unencrypted" in caplog.text


def test_a_key_that_may_do_nothing_but_transcribe_is_taken(standin: Deepgram) -> None:
    check_engines(settings(diarizer="deepgram", deepgram_api_key=NARROW_KEY, deepgram_url=standin.url))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "said", "told"),
    [
        (("serve",), {"UNDERTONE_DIARIZER": "parrot"}, "undertone: UNDERTONE_DIARIZER=parrot: unknown engine 'parrot'"),
        (
            ("worker",),
            {"UNDERTONE_DIARIZER": "deepgram"},
            "undertone: the engine deepgram needs UNDERTONE_DEEPGRAM_API",
        ),
        (
            ("serve", "--sherpa-segmentation", "missing.onnx", "--sherpa-embedding", "gone.onnx"),
            {"UNDERTONE_DIARIZER": "sherpa"},
            "undertone: UNDERTONE_SHERPA_SEGMENTATION=missing.onnx: no such file",
        ),
        (
            ("serve",),
            {"UNDERTONE_DIARIZER": "deepgram,local", "UNDERTONE_DEEPGRAM_API_KEY": "dg_wrong"},
            "undertone: UNDERTONE_DEEPGRAM_API_KEY: Deepgram refuses this service's key (401",
        ),
    ],
    ids=["unknown engine", "no key", "missing network", "wrong key"],
)
def test_the_commands_say_so_and_start_nothing(
    standin: Deepgram, tmp_path: Path, command: tuple[str, ...], said: dict[str, str], told: str
) -> None:
    away = {"UNDERTONE_DEEPGRAM_URL": standin.url, "NO_PROXY": "127.0.0.1"}
    port = ("--port", "0") if command[0] == "serve" else ()
    ended = undertone(*command, *port, "--data", str(tmp_path / "data"), **away, **said)
    assert ended.returncode == 2
    assert told in ended.stderr
    assert "Traceback" not in ended.stderr
    assert ended.stdout == ""
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_an_engine_that_leaves_the_house_is_said_at_the_start(
    standin: Deepgram, database_url: str, data_dir: Path
) -> None:
    said = {
        "UNDERTONE_DIARIZER": "deepgram",
        "UNDERTONE_DEEPGRAM_API_KEY": KEY,
        "UNDERTONE_DEEPGRAM_URL": standin.url,
        "NO_PROXY": "127.0.0.1",
    }
    with running_worker(data_dir, database_url=database_url, env=said) as worker:
        assert worker.stop() == 0
        told = worker.log()
    assert told.count(f"engine deepgram: the sound of every window goes to {standin.url}") == 1
    assert "50 at a time, with the engine deepgram" in told
    assert KEY not in told
