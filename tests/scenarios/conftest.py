"""Scenarios are dated in 2027, drawn from the run's seed, and wait for nothing."""

import pytest

from omnichannel.testing.world import World


@pytest.fixture
def world(seed: int) -> World:
    """A world of its own for each test."""
    return World(seed=seed)
