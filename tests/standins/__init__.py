"""Stand-ins of vendors: real servers that keep to the documented contract, and fail as they are told."""
