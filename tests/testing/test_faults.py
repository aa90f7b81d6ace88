"""Faults are drawn from the seed alone, as often as was asked for."""

from typing import Any

import pytest

from omnichannel.testing.faults import FAULT_KINDS, REQUEST_FAULTS, FaultPlan


def test_the_same_seed_draws_the_same_faults() -> None:
    rates: Any = {"rate_limited": 0.3, "slow": 0.2}
    one, two, other = FaultPlan(5, rates), FaultPlan(5, rates), FaultPlan(6, rates)
    drawn = [one.draw() for _ in range(200)]
    assert drawn == [two.draw() for _ in range(200)]
    assert drawn != [other.draw() for _ in range(200)]
    assert set(drawn) == {None, "rate_limited", "slow"}
    assert one.drawn["rate_limited"] == drawn.count("rate_limited")
    assert 35 <= drawn.count("rate_limited") <= 85


def test_without_rates_nothing_happens() -> None:
    plan = FaultPlan()
    assert [plan.draw(FAULT_KINDS) for _ in range(50)] == [None] * 50
    assert not plan.happens("duplicate_webhook")
    assert 1 <= plan.seconds(1, 2) <= 2


def test_a_certain_fault_always_happens() -> None:
    plan = FaultPlan(1, {"server_error": 1.0, "duplicate_webhook": 1.0})
    assert {plan.draw() for _ in range(20)} == {"server_error"}
    assert all(plan.happens("duplicate_webhook") for _ in range(20))
    assert "duplicate_webhook" not in REQUEST_FAULTS


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        ({"server_errors": 0.1}, "unknown fault 'server_errors'"),
        ({"slow": 1.5}, "the rate of slow is 1.5"),
        ({"slow": -0.1}, "not between 0 and 1"),
        ({"slow": 0.6, "html_error": 0.6}, "add up to more than 1"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(rates: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        FaultPlan(0, rates)
