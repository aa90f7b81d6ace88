"""The thin edge: the only clock, randomness and network. Drives flows, workers, polls and sessions."""
