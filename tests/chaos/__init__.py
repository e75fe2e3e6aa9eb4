"""Everything at once, drawn from a seed: faults in every line, rubbish, and processes that are killed meanwhile."""
