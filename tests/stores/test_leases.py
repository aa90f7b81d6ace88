"""Who works on what: one at a time, and nobody settles another's work."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.stores import leases
from omnichannel.stores.schema import leases as table
from tests.stores.given import Desk

SECOND = timedelta(seconds=1)


def acquire(desk: Desk, owner: str, *names: str) -> dict[str, int]:
    return dict(desk.run(lambda c: leases.acquire(c, names or ("a",), owner, desk.now)))


def held(desk: Desk, owner: str, fence: int, name: str = "a") -> bool:
    return desk.run(lambda c: leases.held(c, name, owner, fence))


def test_one_gets_it_and_the_other_does_not(desk: Desk) -> None:
    assert acquire(desk, "one", "a", "b") == {"a": 1, "b": 1}
    assert acquire(desk, "two", "b", "c") == {"c": 1}
    assert held(desk, "one", 1)
    assert not held(desk, "two", 1)


def test_renewing_keeps_the_fence(desk: Desk) -> None:
    for _ in range(3):
        assert acquire(desk, "one") == {"a": 1}
        desk.later(leases.TTL - SECOND)
    assert acquire(desk, "two") == {}
    assert held(desk, "one", 1)


def test_who_was_paused_cannot_settle_what_another_took_over(desk: Desk) -> None:
    acquire(desk, "one")
    desk.later(leases.TTL)
    assert acquire(desk, "two") == {"a": 2}
    assert not held(desk, "one", 1)
    assert acquire(desk, "one") == {}
    desk.later(leases.TTL)
    assert acquire(desk, "one") == {"a": 3}
    assert not held(desk, "one", 1)
    assert held(desk, "one", 3)


def test_an_expired_lease_that_nobody_took_is_still_held(desk: Desk) -> None:
    """A slow worker loses nothing as long as nobody else wants its lane."""
    acquire(desk, "one")
    desk.later(timedelta(hours=1))
    assert held(desk, "one", 1)


def test_what_is_released_is_free_at_once_under_a_new_fence(desk: Desk) -> None:
    acquire(desk, "one", "a", "b")
    desk.run(lambda c: leases.release(c, ["a", "b"], "two", desk.now))
    assert acquire(desk, "two", "a", "b") == {}
    desk.run(lambda c: leases.release(c, ["a"], "one", desk.now))
    assert acquire(desk, "two", "a", "b") == {"a": 2}


def test_only_leases_that_ended_long_ago_are_forgotten(desk: Desk) -> None:
    acquire(desk, "one", "a")
    desk.later(timedelta(days=2))
    acquire(desk, "one", "b")
    desk.run(lambda c: leases.forget(c, desk.now - timedelta(days=1)))
    assert [row.name for row in desk.rows(table)] == ["b"]


@pytest.mark.parametrize("names", [(), ("a",) * 3])
def test_names_may_be_none_or_said_twice(desk: Desk, names: Sequence[str]) -> None:
    got = desk.run(lambda c: leases.acquire(c, names, "one", desk.now))
    assert got == dict.fromkeys(names, 1)


@given(st.lists(st.tuples(st.sampled_from(["one", "two", "three"]), st.integers(0, 40)), max_size=20))
def test_fences_only_grow_and_two_never_hold_one_lease(turns: list[tuple[str, int]]) -> None:
    desk = Desk()
    given_out: list[tuple[str, int]] = []
    for owner, seconds in turns:
        desk.later(timedelta(seconds=seconds))
        fence = acquire(desk, owner).get("a")
        if fence is not None:
            given_out.append((owner, fence))
        standing = [one for one in set(given_out) if held(desk, *one)]
        assert len(standing) == 1
    fences = [fence for _, fence in given_out]
    assert fences == sorted(fences)
    assert len({owner for owner, _ in given_out}) <= len(set(fences)) or not fences
    desk.store.close_sync()
