"""Undertone from Python: stream as a candidate, watch as a proctor, and the calls around a meeting.

`session` holds the pure sessions for shells of one's own, `simulate` the harness behind `undertone simulate`.
"""

from undertone_client.connection import CallFailed, CandidateStream, Meetings, ProctorChannel, ReviewNotTaken
from undertone_client.session import ServerFault, Snapshot

__all__ = [
    "CallFailed",
    "CandidateStream",
    "Meetings",
    "ProctorChannel",
    "ReviewNotTaken",
    "ServerFault",
    "Snapshot",
]
