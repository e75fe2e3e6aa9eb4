"""What a call of the harness asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from undertone_client import harness
from undertone_client.simulate import simulation
from undertone_client.simulate.options import Options
from undertone_client.simulate.schedule import KINDS


class Planned(Exception):
    """So far and no further: the run itself needs a server."""


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[Options]:
    seen: list[Options] = []

    def cast(options: Options) -> None:
        seen.append(options)
        raise Planned

    monkeypatch.setattr(simulation, "cast", cast)
    return seen


def asked(planned: list[Options], **asked: Any) -> Options:
    with pytest.raises(Planned):
        harness.run("http://127.0.0.1:8000", **asked)
    return planned[-1]


@pytest.mark.parametrize(
    ("faults", "kinds"),
    [
        (True, tuple(KINDS)),
        (False, ()),
        ([], ()),
        ((), ()),
        (["reload", "cut"], ("cut", "reload")),
        (("rubbish",), ("rubbish",)),
    ],
)
def test_faults_are_all_or_none_or_those_that_are_named(
    planned: list[Options], faults: object, kinds: tuple[str, ...]
) -> None:
    assert asked(planned, faults=faults).faults == kinds


def test_nothing_said_is_the_tour_at_ten_times_its_speed(planned: list[Options]) -> None:
    assert asked(planned) == Options(speed=10.0)


def test_every_option_has_the_name_of_the_command(planned: list[Options]) -> None:
    kill = harness.Kill(4711)
    said = asked(
        planned,
        api_key="k",
        candidates=4,
        proctors=3,
        meetings=2,
        speed=4,
        duration_s=1.5,
        audio="exams",
        seed=7,
        kills=[kill],
        watcher=None,
    )
    assert said == Options(
        api_key="k",
        candidates=4,
        proctors=3,
        meetings=2,
        speed=4,
        duration_ms=1500,
        audio=Path("exams"),
        seed=7,
        kills=(kill,),
    )


def test_an_option_that_there_is_not_is_named(planned: list[Options]) -> None:
    with pytest.raises(TypeError, match="'candidate' is no option; there are api_key, candidates"):
        harness.run("http://127.0.0.1:8000", candidate=4)  # type: ignore[call-arg]
    assert planned == []
