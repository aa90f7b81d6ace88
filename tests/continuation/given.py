"""What the tests of continuation start from."""

from __future__ import annotations

from random import Random


def draws(seed: int) -> Random:
    """Draws that can be repeated from the printed seed."""
    return Random(seed)
