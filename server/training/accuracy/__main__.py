"""`make accuracy`: speech-dev; ARGS="--simulated", "--sessions", "--refit" for the rest; ENGINE=… for other engines."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from training import cache
from training.accuracy import curves, dev, engines, folds, judging, refit, sittings, tables, turns
from training.accuracy.windows import Judged, Listener
from undertone.config import ConfigError
from undertone.diarize.local.engine import NAME as LOCAL


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--simulated", action="store_true", help="simulated windows of judging speakers, by kind")
    parser.add_argument("--sessions", action="store_true", help="simulated exams: false alarms an hour")
    parser.add_argument("--hours", type=float, default=sittings.HOURS, help="of simulated exams (%(default)s)")
    parser.add_argument(
        "--refit", action="store_true", help="speech-dev in folds, fitted on the others (implies --keep)"
    )
    parser.add_argument("--keep", action="store_true", help="speech-dev: keep what the networks say, use what is kept")
    parser.add_argument(
        "--kept", action="store_true", help="simulated: only what is kept, however little; second looks are taken"
    )
    parser.add_argument("--engine", default=LOCAL, help="any engine or chain, on speech-dev (%(default)s)")
    parser.add_argument("--recordings", type=int, metavar="N", help="other engines: so many, spread over speech-dev")
    asked = parser.parse_args()
    if asked.engine != LOCAL:
        if asked.simulated or asked.sessions or asked.refit or asked.keep:
            parser.error(f"what is simulated, kept or fitted is heard by {LOCAL} alone")
        try:
            return others(asked.engine, asked.recordings)
        except ConfigError as error:
            parser.error(str(error))
    if asked.simulated:
        simulated(make=not asked.kept)
    if asked.sessions:
        sessions(asked.hours, make=not asked.kept)
    if asked.refit:
        listener = Listener(dev.folder())
        single, _ = dev.judged(listener)
        refit.report(single, listener)
    elif not (asked.simulated or asked.sessions):
        recorded(Listener(dev.folder() if asked.keep else None))
    return 0


def recorded(listener: Listener) -> None:
    single, sessions = dev.judged(listener)
    print(f"{len(single)} windows and {len(sessions)} sessions of {dev.CORPUS}, on which nothing was fitted")
    windows(single)
    sittings.report(sessions)
    turns.report(single)


def others(engine: str, recordings: int | None) -> int:
    """What is told of engines that need not say how likely a second voice is: no curves."""
    single, sessions = engines.judged(engine, engines.chosen(recordings))
    print(f"{len(single)} windows and {len(sessions)} sessions of {dev.CORPUS}, heard by {engine}")
    shares(single)
    sittings.report(sessions)
    turns.report(single)
    return 0


def simulated(*, make: bool) -> None:
    listener = Listener(cache.folder("judge", judging.VERSION))
    judging.check(listener)
    everything = list(judging.judged(listener, make=make))
    judged = [one for one in everything if not one.truth.doubtful]
    speakers = {person.name for one in judged for person in one.truth.people}
    print(f"{len(judged)} simulated windows of {len(speakers)} speakers on whom nothing was fitted", end="")
    print(f" ({len(everything) - len(judged)} with a speaker who may be two people are left out)")
    windows(judged)
    turns.report(judged, shift=0.0)


def sessions(hours: float, *, make: bool) -> None:
    folder = cache.folder("exams", sittings.VERSION)
    sittings.report(sittings.judged(Listener(folder), folder, hours, make=make))


def windows(judged: Sequence[Judged]) -> None:
    """Everything that is told of windows one by one."""
    scored = shares(judged)
    clear = [one for one in scored if not one.truth.faint]
    curves.roc(clear)
    curves.calibration(scored)
    folds.worst(scored)


def shares(judged: Sequence[Judged]) -> list[Judged]:
    """False alarms, recall and what is unclear; returns the windows that are scored."""
    scored = [one for one in judged if not one.truth.edge]
    tables.false_alarms([one for one in scored if not one.second])
    tables.recall([one for one in scored if one.second])
    tables.unclear(scored)
    tables.wrong(scored)
    return scored


if __name__ == "__main__":
    raise SystemExit(main())
