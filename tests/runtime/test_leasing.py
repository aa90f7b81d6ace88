"""What is leased is not asked for again and again, and what others hold only now and then."""

from __future__ import annotations

from datetime import timedelta

from omnichannel.runtime.leasing import PAUSE, Leasing
from omnichannel.stores import leases
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.clock import START

TTL = timedelta(seconds=30)


def leasing(store: SqlStore, owner: str) -> Leasing[int]:
    return Leasing(store, owner, TTL, lambda lane: f"lane:{lane}")


async def test_what_is_ours_is_renewed_in_time() -> None:
    async with SqlStore("sqlite://", threads=False) as store:
        one = leasing(store, "one")
        assert one.to_ask([1, 2], START) == [1, 2]
        assert await one.ask([1, 2], START) == [1, 2]
        assert (one.sure(START), one.to_ask([1, 2, 3], START)) == ({1, 2}, [3])
        later = START + TTL / 3
        assert (one.sure(later), one.to_ask([1], later)) == (set(), [1])
        assert await one.ask([1], later) == [1]
        assert one.fences == {1: 1, 2: 1}
        back = START - timedelta(seconds=1)
        assert one.sure(back) == set(), "a clock that was set back says nothing about leases"


async def test_what_others_hold_is_left_alone_for_a_moment() -> None:
    async with SqlStore("sqlite://", threads=False) as store:
        one, two = leasing(store, "one"), leasing(store, "two")
        await one.ask([1], START)
        assert await two.ask([1, 2], START) == [2]
        assert two.to_ask([1, 2], START + PAUSE / 2) == []
        assert two.to_ask([1, 2], START + PAUSE) == [1]
        await store.write(lambda c: leases.release_all(c, "one", START))
        assert await two.ask([1], START + PAUSE) == [1]
        assert two.fences == {1: 2, 2: 1}


async def test_what_was_lost_is_not_ours() -> None:
    async with SqlStore("sqlite://", threads=False) as store:
        one, two = leasing(store, "one"), leasing(store, "two")
        await one.ask([1, 2], START)
        ended = START + TTL
        assert await two.ask([1], ended) == [1]
        assert await one.ask([1, 2], ended) == [2]
        assert (one.fences, one.sure(ended)) == ({2: 1}, {2})
        one.lost(2)
        assert (one.fences, one.sure(ended), one.to_ask([2], ended)) == ({}, set(), [2])
        two.give_up()
        assert (two.fences, two.sure(ended)) == ({}, set())
