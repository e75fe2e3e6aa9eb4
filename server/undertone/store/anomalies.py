"""Anomalies as their rows and as the wire have them."""

from __future__ import annotations

from typing import Final

import msgspec

from undertone.core.events import Anomaly, Evidence, Person, ReviewGiven
from undertone.core.times import rfc3339
from undertone.store.database import Row

_evidence: Final = msgspec.json.Decoder(list[Evidence])
_review: Final = msgspec.json.Decoder(ReviewGiven)


def anomaly_of(row: Row) -> Anomaly:
    """The anomaly of a row with all its columns and the participant's `name`."""
    return Anomaly(
        id=row["anomaly"],
        kind=row["kind"],
        state=row["state"],
        participant=Person(id=row["participant"], name=row["name"]),
        opened_at=rfc3339(row["opened_at"]),
        last_at=rfc3339(row["last_at"]),
        count=row["count"],
        summary=row["summary"],
        evidence=_evidence.decode(row["evidence"]),
        review=None if row["review"] is None else _review.decode(row["review"]),
    )
