"""`undertone simulate`: candidates and proctors against a server, and what holds whatever goes wrong between."""

from undertone_client.simulate.command import main

__all__ = ["main"]
