"""The machine's clock, and ids that ascend."""

import os
import subprocess
import sys
from datetime import UTC

import pytest

from omnichannel.runtime.clock import SystemClock
from omnichannel.runtime.ids import RandomIds
from omnichannel.testing.clock import FakeClock


async def test_the_machines_clock_is_aware_and_goes_on() -> None:
    clock = SystemClock()
    before, start = clock.now(), clock.monotonic()
    await clock.sleep(0)
    await clock.sleep(-1)
    assert before.tzinfo is UTC
    assert clock.monotonic() >= start


def test_ids_ascend_within_a_millisecond_and_do_not_repeat() -> None:
    ids = RandomIds(FakeClock())
    made = [ids.new("msg") for _ in range(1000)]
    assert made == sorted(set(made))
    assert {one[:4] for one in made} == {"msg_"}
    assert len({ids.token() for _ in range(100)}) == 100
    assert ids.token(8) < 256


FORK = """
import os, sys
from omnichannel.runtime.clock import SystemClock
from omnichannel.runtime.ids import RandomIds
ids = RandomIds(SystemClock())
ids.new("msg")
child = os.fork()
os.write(1, "".join(ids.new("msg") + " " for _ in range(50)).encode())
if child:
    os.waitpid(child, 0)
else:
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_fork_makes_other_ids() -> None:
    """The supply of chance that lies ready is not used twice."""
    made = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, check=True).stdout.split()  # noqa: S603 - ours
    drawn = [one[-12:] for one in made]
    assert len(drawn) == 100
    assert len(set(drawn)) == 100
