"""One package an adapter: how each channel is reached. Pure, and islands to each other."""
