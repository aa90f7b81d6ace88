"""The machine's clock, and ids that ascend."""

from datetime import UTC

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
