"""How long Hypothesis looks: the same few games in every run of the tests, new ones for as long as `make fuzz` says."""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, Phase, settings

# How many games each machine plays in a long run (`make fuzz EXAMPLES=…`); unset in the tests.
LONG_RUN: Final = int(os.environ.get("UNDERTONE_FUZZ_EXAMPLES", "0"))
_QUIET: Final = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def examples(count: int, *, steps: int) -> settings:
    """`count` games of at most `steps` moves; in a long run as many as were asked for, with three times the moves."""
    if LONG_RUN:
        return settings(max_examples=LONG_RUN, stateful_step_count=3 * steps, suppress_health_check=_QUIET)
    return settings(
        max_examples=count,
        stateful_step_count=steps,
        derandomize=True,
        database=None,
        # Making a failure small can take minutes, which is the long run's: it finds the same.
        phases=(Phase.generate,),
        suppress_health_check=_QUIET,
    )
