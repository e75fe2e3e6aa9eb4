"""The clients' side of the two sockets without the sockets: pure, driven by any shell, and of the server only `core`.

A shell opens a connection and says `connect()`, hands in what arrives (`receive`), sends what `next_message` gives
until there is nothing more, and reports the end (`closed`). Nothing here waits, and nothing here knows a clock.
"""

from undertone_client.session.backoff import Backoff
from undertone_client.session.base import AfterClose, ServerFault, fault_of
from undertone_client.session.channel import ChannelSession, Snapshot
from undertone_client.session.outbox import Outbox
from undertone_client.session.stream import StreamSession

__all__ = [
    "AfterClose",
    "Backoff",
    "ChannelSession",
    "Outbox",
    "ServerFault",
    "Snapshot",
    "StreamSession",
    "fault_of",
]
