"""The plugin prints its seed, takes one, and gives each test a world."""

import sys
from types import ModuleType

import pytest

pytest_plugins = ["pytester"]

TEST = """
    def test_it(world, omnichannel_seed):
        assert world == ("world", omnichannel_seed)
        print("seed", omnichannel_seed)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    module = ModuleType("omnichannel.testing.world")

    def make_world(*, seed: int) -> tuple[str, int]:
        return "world", seed

    vars(module)["World"] = make_world
    monkeypatch.setitem(sys.modules, "omnichannel.testing.world", module)
    monkeypatch.delenv("OMNICHANNEL_SEED", raising=False)
    pytester.makepyfile(TEST)
    return pytester


def run(suite: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    # Without the plugins that installed packages bring: they were configured by the run that this test is part of.
    return suite.runpytest_inprocess("-s", "-p", "no:anyio", "-p", "no:hypothesispytest", *arguments)


def test_a_given_seed_is_printed_and_used(suite: pytest.Pytester) -> None:
    found = run(suite, "--omnichannel-seed", "42")
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(["omnichannel: --omnichannel-seed=42", "*seed 42*"])


def test_the_environment_may_give_it(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNICHANNEL_SEED", "77")
    found = run(suite)
    found.assert_outcomes(passed=1)
    found.stdout.fnmatch_lines(["omnichannel: --omnichannel-seed=77"])


def test_else_it_is_drawn(suite: pytest.Pytester) -> None:
    seeds = {line for _ in range(3) for line in run(suite).outlines if line.startswith("omnichannel: ")}
    assert len(seeds) == 3
