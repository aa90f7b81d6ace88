"""Scenarios are dated in 2027, drawn from the run's seed, and wait for nothing."""

from pathlib import Path

import pytest

from omnichannel.testing.world import World


@pytest.fixture
def world(seed: int) -> World:
    """A world of its own for each test."""
    return World(seed=seed)


@pytest.fixture
def lasting(seed: int, tmp_path: Path) -> World:
    """A world whose store outlives the process."""
    return World(seed=seed, store=f"sqlite:///{tmp_path}/desk.db")
