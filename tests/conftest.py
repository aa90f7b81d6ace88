"""What every test can use: both event loops, the corpus, and one printed seed for all random draws."""

import os
import random
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.canaries import WATCH, look_at_report, no_secret_leaves, watch_secrets
from tests.postgres import begin_run, new_url, own_database, postgres, postgres_url, store_url

__all__ = ["new_url", "no_secret_leaves", "own_database", "postgres", "postgres_url", "store_url", "watch_secrets"]

ROOT = Path(__file__).resolve().parent.parent

settings.register_profile("pr", max_examples=60, deadline=None, print_blob=True)
settings.register_profile("nightly", max_examples=3000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "pr"))


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed before hypothesis looks for it; the workers of pytest-xdist are handed the same one, and the
    place of the server that they share."""
    begin_run(config)
    if config.option.hypothesis_seed is None:
        drawn = str(random.SystemRandom().randrange(2**32))
        config.option.hypothesis_seed = os.environ.get("OMNICHANNEL_SEED") or drawn


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test prints is looked at too: see tests/canaries.py."""
    report = yield
    look_at_report(report, WATCH)
    return report


def pytest_report_header(config: pytest.Config) -> str:
    number = config.option.hypothesis_seed
    return f"seed: {number} (the same draws again: OMNICHANNEL_SEED={number})"


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """The seed of this run, for a test that draws by itself: `random.Random(seed)`."""
    return int(pytestconfig.option.hypothesis_seed)


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Every async test runs on both event loops."""
    return str(request.param)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of recorded payloads and conversations, which is not part of the checkout.

    `OMNICHANNEL_CORPUS`, or `shared` beside the checkout. A test that needs it is skipped where it is missing,
    and fails where `OMNICHANNEL_REQUIRE_CORPUS=1` says that it has to be there.
    """
    folder = Path(os.environ.get("OMNICHANNEL_CORPUS") or ROOT.parent / "shared")
    if folder.is_dir():
        return folder
    reason = f"no corpus at {folder}; set OMNICHANNEL_CORPUS"
    if os.environ.get("OMNICHANNEL_REQUIRE_CORPUS") == "1":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
