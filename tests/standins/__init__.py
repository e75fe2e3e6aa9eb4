"""Servers that stand in for those of vendors: they follow the documented contract, and can be told to fail."""
