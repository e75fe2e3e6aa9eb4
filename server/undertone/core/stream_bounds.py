"""How long a candidate's connection waits for what, and how much of it waits."""

from __future__ import annotations

from typing import Final

# Without audio for so long, a candidate shows as degraded.
DEGRADED_AFTER_MS: Final = 5_000
# Clips that wait for the store: the 15 minutes that a sender resends in one go, at 64 kbit/s, and a little more.
MAX_PENDING_BYTES: Final = 8 * 1024 * 1024
# Above this the shell reads more slowly: a resent backlog then comes at the speed of the store.
CONGESTED_BYTES: Final = 1024 * 1024
# A close that the server began waits so long for the part to be written.
PART_WITHIN_MS: Final = 2_000
# At a change of format and at the meeting's end the last window must be stored before the candidate is told.
STORED_WITHIN_MS: Final = 10_000
STORE_AWAY_RETRY_MS: Final = 5_000
