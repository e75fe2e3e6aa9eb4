"""`undertone simulate`: candidates and proctors against a server, what goes wrong between, and what held all the same."""

from undertone_client.simulate.command import main

__all__ = ["main"]
