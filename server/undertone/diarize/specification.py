"""Which engines hear, and in what order: the language of the setting `diarizer` and of `--engine`.

    local            one engine
    deepgram,local   the next one where the one before fails
    local+deepgram   the second is asked only where the first would alarm; both must agree

`+` binds closer than `,`: in `local+deepgram,sherpa` sherpa is asked where local fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# Every engine that there is.
KNOWN: Final = ("local", "deepgram", "sherpa")
# Those that know a candidate's voice again from the windows before: only they can say that it has changed.
KNOWS_VOICES: Final = frozenset({"local"})


@dataclass(frozen=True, slots=True)
class Term:
    """One engine, or one whose alarms another has to confirm."""

    first: str
    second: str | None = None

    def __str__(self) -> str:
        return self.first if self.second is None else f"{self.first}+{self.second}"


@dataclass(frozen=True, slots=True)
class Specification:
    """Terms in the order in which they are asked; at least one."""

    terms: tuple[Term, ...]

    @property
    def engines(self) -> tuple[str, ...]:
        """Each engine once, in the order in which it may be asked."""
        named = (engine for term in self.terms for engine in (term.first, term.second) if engine)
        return tuple(dict.fromkeys(named))

    def __str__(self) -> str:
        return ",".join(map(str, self.terms))


def parse(text: str) -> Specification:
    """What somebody wrote, whatever its case. Raises ValueError, which says what would be right."""
    terms = tuple(_term(part) for part in text.lower().split(","))
    first = [term.first for term in terms]
    for engine in first:
        if first.count(engine) > 1:
            raise ValueError(f"{engine!r} is asked twice: where it failed it would fail again")
    return Specification(terms)


def _term(text: str) -> Term:
    names = [name.strip() for name in text.split("+")]
    for name in names:
        if not name:
            raise ValueError("the name of an engine is missing: write one, or several as in deepgram,local")
        if name not in KNOWN:
            raise ValueError(f"unknown engine {name!r}: known are {', '.join(KNOWN)}")
    if len(names) > 2:
        raise ValueError(f"{'+'.join(names)!r}: one engine confirms another, a third is not asked")
    if len(names) == 2 and names[0] == names[1]:
        raise ValueError(f"{'+'.join(names)!r}: an engine can't confirm itself")
    return Term(*names)
