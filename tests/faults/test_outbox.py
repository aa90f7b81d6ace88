"""Goal: nothing is lost, and a copy too many only where the network or a death hid the answer.

Each run is one customer's message from the webhook to the phone. 10,000 runs take about 150 s of one core; the long
ones 6 times as many. `make faults` sets PYTHONHASHSEED, so that a seed that is printed plays the same again.
"""

import anyio
import pytest

from tests.faults.outbox import FAULTS, STEPS, Simulation

pytestmark = pytest.mark.faults
CUSTOMERS = 100


def play(first: int, seeds: int, crash_rate: float) -> Simulation:
    """So many seeds, each judged; what was injected is added up in the one that is given back."""
    total = Simulation(first, 0)
    for number in range(first, first + seeds):
        one = Simulation(number, CUSTOMERS, crash_rate=crash_rate)
        anyio.run(one.run)
        assert one.acknowledged == {f"m{customer}" for customer in range(CUSTOMERS)}
        wrong = one.verdict()
        assert not wrong, "\n".join(wrong)
        total.crashes += one.crashes
        total.faults += one.faults
    return total


@pytest.mark.parametrize("part", range(10))
def test_nothing_is_lost_and_doubles_are_those_that_nobody_could_know_of(part: int, seed: int) -> None:
    """1,000 runs each."""
    total = play((seed + part * 1_000_003) % 2**31, 10, 0.01)
    # What did not happen was not tested.
    assert set(total.crashes) >= set(STEPS), f"seed {seed}: no crash at {set(STEPS) - set(total.crashes)}"
    assert set(total.faults) == set(FAULTS)


@pytest.mark.long
@pytest.mark.parametrize("part", range(50))
def test_the_same_for_an_hour(part: int, seed: int) -> None:
    """Another 50,000 runs, some of them with hardly a process that lives."""
    play((seed + (part + 10) * 1_000_003) % 2**31, 10, (0.002, 0.01, 0.03)[part % 3])


def test_the_judge_sees_what_is_wrong() -> None:
    """A history in which something was doubled, lost or made up is found out."""
    run = Simulation(5, 20, crash_rate=0.0, fault_rate=0.0)
    anyio.run(run.run)
    sent = list(run.requests)
    (answer,) = [one for one in sent if one.text == "re m7"]
    (other,) = [one for one in sent if one.text == "re m8"]
    code = next(one for one in sent if one.text.startswith("code "))
    run.requests.append(answer)
    run.requests.remove(other)
    run.requests.append(code)
    run.acknowledged.add("m99")
    found = "\n".join(run.verdict())
    assert "re m7: 2 copies, 0 hidden" in found
    assert "re m8: lost, the row says" in found
    assert "re m99: lost, there is no row" in found
    assert f"{code.text}: a one-time code may have been sent twice" in found
    assert "2 doubles, 0 answers hidden" in found
