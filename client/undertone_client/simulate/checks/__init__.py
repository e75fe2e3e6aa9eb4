"""Promise by promise, what held: each violation names something that was lost, doubled or wrong."""

from undertone_client.simulate.checks.promise import Promise, judge

__all__ = ["Promise", "judge"]
