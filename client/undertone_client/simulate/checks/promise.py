"""The promises one by one: what was looked at, and what did not hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from undertone_client.simulate.checks import delivery, heard, judged, peers, stored
from undertone_client.simulate.run import Happened, Room
from undertone_client.simulate.strikes import Strike
from undertone_client.simulate.truth import Truth

FINISHED: Final = 1000
UNTRIED: Final = "not tried"


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One promise after a run. `held` is None where the run did not try it."""

    name: str
    title: str
    looked_at: str
    violations: list[str]
    tried: bool = True

    @property
    def held(self) -> bool | None:
        return not self.violations if self.tried or self.violations else None


def judge(
    rooms: Sequence[Room],
    happened: Happened,
    struck: Sequence[Strike],
    truths: Mapping[str, Truth],
    clips: tuple[int, list[str]],
) -> list[Promise]:
    """All promises. `clips`: how many were fetched, and what is wrong with which."""
    records = [room.record for room in rooms]
    candidates = [candidate for record in records for candidate in record.candidates]
    proctors = [proctor for record in records for proctor in record.proctors]
    streams = [stream for candidate in candidates for stream in candidate.streams]
    events = sum(len(proctor.received_at) for proctor in proctors)
    # A line that ends with 1000 has done what it was for: the stream is finished.
    closes = [*(each.closes for each in candidates), *(each.closes for each in proctors)]
    broke = sum(closed.code != FINISHED for each in closes for closed in each)
    lost_s = sum(stream.gaps[-1].lost_ms for stream in streams if stream.gaps) / 1000
    honest = f", {lost_s:.0f} s told as lost" if lost_s else ""
    wrong = [
        (answer, fault)
        for answer in happened.answers
        if (fault := answer.fault(peers.struck(answer, happened.struck.outages, happened.began_ms)))
    ]
    hostile = bool(happened.answers or happened.troubles)
    theirs = sum(answer.sort.theirs for answer in happened.answers)
    rubbish = [fault for answer, fault in wrong if not answer.sort.theirs]
    unexplained = list(
        peers.unexplained(candidates, proctors, happened.faults, happened.struck.outages, happened.began_ms)
    )
    not_told = [
        f"{each.name}: a second tab took over, and the first was not told" for each in candidates if each.not_told
    ]
    of_truth = sum(heard.known(record, truths) for record in records)
    return [
        Promise(
            name="stored",
            title="No stored audio is lost",
            looked_at=f"{sum(stream.spoken for stream in streams) / 1e6:.1f} MB"
            + (honest or f" in {len(streams)} streams"),
            violations=[line for record in records for line in stored.violations(record)],
        ),
        Promise(
            name="judged",
            title="Every stored window gets a verdict",
            looked_at=f"{sum(len(record.judged) for record in records)} windows",
            violations=[line for record in records for line in judged.violations(record)],
        ),
        Promise(
            name="events",
            title="Every proctor sees all events once, in order",
            looked_at=f"{events} received, {broke} lines broke",
            violations=[line for record in records for line in delivery.violations(record)],
        ),
        Promise(
            name="private",
            title="Nobody reads what is not theirs",
            looked_at=f"{theirs} attempts" if hostile else f"{UNTRIED}: --faults=rubbish",
            violations=[fault for answer, fault in wrong if answer.sort.theirs],
            tried=hostile,
        ),
        Promise(
            name="evidence",
            title="Every clip plays, and is what was said",
            looked_at=f"{clips[0]} compared byte by byte" if clips[0] else f"{UNTRIED}: no anomaly",
            violations=clips[1],
            tried=bool(clips[0]),
        ),
        Promise(
            name="answered",
            title="Bad input is answered by name",
            looked_at=f"{len(happened.answers) - theirs} sorts" if hostile else f"{UNTRIED}: --faults=rubbish",
            violations=[*rubbish, *happened.troubles],
            tried=hostile,
        ),
        Promise(
            name="unnoticed",
            title="No peer notices, no line breaks of itself",
            looked_at=f"{broke} closes, {broke - len(unexplained)} explained",
            violations=[*unexplained, *not_told],
        ),
        Promise(
            name="heard",
            title="Two voices are heard, one is left alone",
            looked_at=f"known of {of_truth} candidates" if of_truth else f"{UNTRIED}: no manifest.jsonl",
            violations=[line for record in records for line in heard.violations(record, truths)],
            tried=bool(of_truth),
        ),
        Promise(
            name="struck",
            title="What was to be struck was struck",
            looked_at=f"{happened.struck.landed} of {len(struck)} strikes" if struck else f"{UNTRIED}: --kill",
            violations=happened.struck.troubles,
            tried=bool(struck),
        ),
    ]
