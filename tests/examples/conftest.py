"""A world for each test."""

import pytest

from omnichannel.testing import World


@pytest.fixture
def world(seed: int) -> World:
    return World(seed=seed)
