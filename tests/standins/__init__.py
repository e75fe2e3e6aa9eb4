"""Vendors' services that run here: each follows its documented contract, and misbehaves as it is told."""
