"""Which channel is used, in which order, and why not the others: pure policy, explained."""
