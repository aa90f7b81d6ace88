"""The pytest plugin: a `world` for each test, and one printed seed for all that they draw."""

from __future__ import annotations

import os
import random
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from omnichannel.testing.world import World

OPTION = "omnichannel_seed"
VARIABLE = "OMNICHANNEL_SEED"


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--omnichannel-seed`: the same draws again."""
    group = parser.getgroup("omnichannel")
    words = f"seed of simulated worlds (else {VARIABLE}, else drawn; it is printed)"
    group.addoption("--omnichannel-seed", dest=OPTION, type=int, default=None, metavar="NUMBER", help=words)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Chooses the seed once: the workers of pytest-xdist are handed the same option."""
    if getattr(config.option, OPTION) is None:
        given = os.environ.get(VARIABLE, "")
        number = int(given) if given.isdecimal() else random.SystemRandom().randrange(2**32)
        setattr(config.option, OPTION, number)


def pytest_report_header(config: pytest.Config) -> str:
    """Says how to draw the same again."""
    return f"omnichannel: --omnichannel-seed={getattr(config.option, OPTION)}"


@pytest.fixture(scope="session")
def omnichannel_seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run."""
    return int(getattr(pytestconfig.option, OPTION))


@pytest.fixture
def world(omnichannel_seed: int) -> World:
    """A `World` of simulated platforms and customers, drawn from the run's seed."""
    # Imported here: every test run of whoever has this plugin installed loads this module.
    from omnichannel.testing.world import World

    return World(seed=omnichannel_seed)
