"""Shares of windows, in lines: by class, by who speaks, by noise, by how much of the second voice there is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from training.accuracy.intervals import clustered, wilson
from training.accuracy.windows import Judged, Person

Key = Callable[[Judged], str | None]
# By groups of fewer windows an interval says nothing.
_FEW = 4


def line(name: str, judged: Sequence[Judged], hit: Callable[[Judged], bool] = lambda one: one.alarm) -> str:
    """Alarms among the windows: their share, its interval by window and by speaker."""
    hits = [hit(one) for one in judged]
    if not hits:
        return f"  {name:32s}   0 of    0"
    speakers = [one.truth.cluster for one in judged]
    by_window, by_speaker = wilson(sum(hits), len(hits)), clustered(hits, speakers)
    told = f"{sum(hits):4d} of {len(hits):4d}  {sum(hits) / len(hits):6.1%}"
    return f"  {name:32s}{told}  ({_range(by_window)})  ({_range(by_speaker)}; {len(set(speakers))})"


HEAD = f"  {'':32s}{'':12s}   share  95 % by window   95 % by speaker; speakers"


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:5.1%} to {interval[1]:5.1%}"


def grouped(judged: Iterable[Judged], key: Key) -> dict[str, list[Judged]]:
    """By the key's text, in its order; windows without one are left out."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        name = key(one)
        if name is not None:
            groups[name].append(one)
    return dict(sorted(groups.items()))


def table(title: str, judged: Sequence[Judged], key: Key) -> None:
    """One line for each group; small groups are told together."""
    groups = grouped(judged, key)
    if not groups:
        return
    small = {name: group for name, group in groups.items() if len(group) < _FEW}
    print(f" {title}")
    for name, group in groups.items():
        if name not in small or len(small) < 3:
            print(line(name, group))
    if len(small) >= 3:
        print(line(f"{len(small)} smaller groups", [one for group in small.values() for one in group]))


def false_alarms(judged: Sequence[Judged]) -> None:
    """Windows with one voice or none."""
    print(f"\nFALSE ALARMS (windows with one voice or none)\n{HEAD}")
    table("by class", judged, lambda one: one.truth.kind)
    print(line("all", judged))
    speakers(judged)
    table("by corpus", judged, lambda one: main(one).corpus if one.truth.people else "nobody speaks")
    noise(judged)
    table("by sex of the main voice", judged, lambda one: main(one).sex if one.truth.people else None)
    table("by age of the main voice", judged, lambda one: age(main(one)) if one.truth.people else None)
    table("by language", judged, lambda one: main(one).language if one.truth.people else None)


def recall(judged: Sequence[Judged]) -> None:
    """Windows with two voices or more."""
    clear = [one for one in judged if not one.truth.faint]
    print(f"\nRECALL (windows with two voices or more)\n{HEAD}")
    table("by class", clear, lambda one: one.truth.kind)
    print(line("all", clear))
    faint = [one for one in judged if one.truth.faint]
    if faint:
        print(line("second voice < 6 dB above noise", faint), "  (apart: people may miss them too)")
    second_voice(clear)
    noise(clear)
    table("by corpus of the main voice", clear, lambda one: main(one).corpus)
    table("by sex of the main voice", clear, lambda one: main(one).sex)
    table("by sex of the second voice", clear, lambda one: _of_pair(one, lambda a, b: b.sex))
    table("by pair", clear, lambda one: _of_pair(one, _sexes))
    table("by age of the second voice", clear, lambda one: _of_pair(one, lambda a, b: age(b)))
    table("by language", clear, lambda one: main(one).language)


def second_voice(judged: Sequence[Judged]) -> None:
    """By its seconds and by its level against the main voice."""
    print(" by seconds of the second voice")
    for low, high in ((0.0, 2.0), (2.0, 5.0), (5.0, 12.0), (12.0, 60.0)):
        chosen = [one for one in judged if low <= one.truth.second_seconds < high]
        print(line(f"{low:g} to {high:g} s", chosen))
    print(" by its level against the main voice")
    for low, high in ((-40.0, -15.0), (-15.0, -9.0), (-9.0, -3.0), (-3.0, 40.0)):
        chosen = [one for one in judged if one.truth.level_db is not None and low <= one.truth.level_db < high]
        print(line(f"{low:g} to {high:g} dB", chosen))
    loud = [one for one in judged if one.truth.level_db is None or one.truth.level_db >= -13]
    print(line("5 s or more, down to −12 dB", [one for one in loud if one.truth.second_seconds >= 5]))
    print(line("2 to 5 s, down to −12 dB", [one for one in loud if 2 <= one.truth.second_seconds < 5]))


def speakers(judged: Sequence[Judged]) -> None:
    """How many main speakers have any false alarm, and who has most."""
    groups = grouped(judged, lambda one: main(one).name if one.truth.people else None)
    alarms = {name: sum(one.alarm for one in group) for name, group in groups.items()}
    any_, worst = sum(count > 0 for count in alarms.values()), max(alarms, key=lambda name: alarms[name], default="")
    print(f" by main speaker\n  {any_} of {len(groups)} have any", end="")
    print(f"; the worst, {worst}: {alarms[worst]} of {len(groups[worst])} windows" if any_ else "")


def noise(judged: Sequence[Judged]) -> None:
    """By what kind of noise is in it (a window may hold several), and by how far the main voice stands above it."""
    print(" by kind of noise (a window may hold several)")
    kinds = sorted({kind for one in judged for kind in one.truth.noises})
    for kind in kinds:
        chosen = [one for one in judged if kind in one.truth.noises]
        if len(chosen) >= _FEW:
            print(line(kind, chosen))
    print(line("none", [one for one in judged if not one.truth.noises]))
    snr = [one for one in judged if one.truth.snr_db is not None]
    if snr:
        print(" by the main voice above the noise")
    for low, high in ((-99.0, 3.0), (3.0, 7.5), (7.5, 15.0), (15.0, 99.0)):
        chosen = [one for one in snr if low <= (one.truth.snr_db or 0.0) < high]
        if chosen:
            print(line(f"{max(low, -20):g} to {min(high, 40):g} dB", chosen))


def unclear(judged: Sequence[Judged]) -> None:
    """How often a window is called too noisy to judge, and what passing it as clean would have hidden."""
    print(f"\nUNCLEAR (share of windows that were not judged)\n{HEAD}")
    for name, group in grouped(judged, lambda one: one.truth.kind).items():
        if any(one.unclear for one in group):
            print(line(name, group, lambda one: one.unclear))
    print(line("all", judged, lambda one: one.unclear))
    chosen = [one for one in judged if one.unclear]
    second = [one for one in chosen if one.second]
    print(
        f"  of these {len(second)} hold a second voice; {sum(one.probability >= 0.5 for one in second)} of them and ",
        end="",
    )
    innocent = [one for one in chosen if not one.second]
    print(f"{sum(one.probability >= 0.5 for one in innocent)} of the {len(innocent)} others were at even odds or more")


def wrong(judged: Sequence[Judged], most: int = 40) -> None:
    """The windows that went wrong, by name."""
    false = [one for one in judged if one.alarm != one.second and not one.truth.edge]
    print(f"\nWRONG ONES ({len(false)}" + (f", the first {most})" if len(false) > most else ")"))
    for one in false[:most]:
        truth = one.truth
        second = f"second {truth.second_seconds:4.1f} s at {truth.level_db} dB" if one.second else "one voice"
        print(f"  {truth.name:14s} {truth.kind:20s} {second:28s} stated {one.probability:.2f}", end="")
        print(f", speech {[ms / 1000 for ms in one.verdict.speech_ms]}{', unclear' if one.unclear else ''}")


def main(one: Judged) -> Person:
    return one.truth.people[0]


def age(person: Person) -> str | None:
    if person.age is None:
        return None
    return "a child under 14" if person.age < 14 else "14 to 24" if person.age < 25 else "25 or more"


def _of_pair(one: Judged, key: Callable[[Person, Person], str | None]) -> str | None:
    others = one.truth.others
    return key(main(one), others[0]) if len(others) == 1 else None


def _sexes(one: Person, other: Person) -> str | None:
    if "?" in (one.sex, other.sex):
        return "not stated"
    return "a woman and a man" if one.sex != other.sex else "two women" if one.sex == "F" else "two men"
