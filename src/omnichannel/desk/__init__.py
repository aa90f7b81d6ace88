"""One queue for all channels: its order and its deadlines. Pure."""
