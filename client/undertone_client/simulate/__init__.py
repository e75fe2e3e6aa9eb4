"""`undertone simulate`: candidates and proctors against a server, and a word on everything that was lost."""

from undertone_client.simulate.command import main

__all__ = ["main"]
