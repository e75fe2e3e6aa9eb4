"""Shells around the sessions: `websockets` for the two sockets, `httpx` for the rest."""

from undertone_client.connection.candidate import CandidateStream
from undertone_client.connection.meetings import CallFailed, Meetings
from undertone_client.connection.proctor import ProctorChannel, ReviewNotTaken

__all__ = ["CallFailed", "CandidateStream", "Meetings", "ProctorChannel", "ReviewNotTaken"]
