"""The right to take a conversation up elsewhere, carried by a reference in a link. Pure."""
