"""How much one address may create: a bucket of tokens each, a bounded number of buckets."""

from __future__ import annotations

import random
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from undertone.core.errors import RateLimited
from undertone.web.addresses import counted

# 100 bytes each. An attacker with more addresses than this pushes the oldest out, whose buckets are full again by then.
MAX_ADDRESSES: Final = 20_000


class CreationLimit:
    """A minute's worth at once, refilled evenly; 0 a minute is no limit."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # address → (left, as of)

    def take(self, address: str) -> None:
        """Counts one creation. Raises RateLimited, with a time that spreads those who come back."""
        if not self._per_minute:
            return
        address = counted(address)
        now = self._clock()
        left, as_of = self._buckets.pop(address, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - as_of) * self._per_minute / 60)
        self._buckets[address] = (left - 1 if left >= 1 else left, now)
        if len(self._buckets) > MAX_ADDRESSES:
            self._buckets.popitem(last=False)
        if left < 1:
            wait_ms = (1 - left) * 60_000 / self._per_minute
            # Up to ten more refills of spread: a class that hit the limit together does not come back together.
            retry_after_ms = int(wait_ms * (1 + 10 * random.random())) + 1  # noqa: S311  # spreads, protects nothing
            raise RateLimited(
                f"one address may create {self._per_minute} meetings and participants a minute", retry_after_ms
            )
