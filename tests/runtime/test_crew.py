"""The runners of a worker: who waits holds nobody up, and what cannot be settled is alone with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest
from anyio import wait_all_tasks_blocked

from omnichannel.model.exceptions import StoreError
from omnichannel.runtime.crew import Crew, Item
from omnichannel.stores.outbound import DueDelivery
from omnichannel.stores.units import DueTurn, TurnResult
from omnichannel.testing.clock import FakeClock
from omnichannel.testing.ids import SeededIds

CLOCK = FakeClock()


@dataclass
class Desk:
    """Handlers and an outbox that do what a test says, and note when."""

    done: list[str] = field(default_factory=list[str])
    settled: list[list[str]] = field(default_factory=list[list[str]])
    gates: dict[str, anyio.Event] = field(default_factory=dict[str, anyio.Event])
    fails: dict[str, Exception] = field(default_factory=dict[str, Exception])
    kicks: int = 0

    async def handle(self, turn: DueTurn, owner: str, fence: int) -> TurnResult | None:
        name = turn.conversation.id
        self.done.append(f"begin {name}")
        if name in self.gates:
            await self.gates[name].wait()
        if f"handle {name}" in self.fails:
            raise self.fails[f"handle {name}"]
        self.done.append(f"end {name}")
        now = CLOCK.now()
        return TurnResult(
            seq=1, lane=1, fence=fence, owner=owner, conversation_id=name, now=now, ids=SeededIds(1, CLOCK)
        )

    async def settle(self, results: Sequence[TurnResult]) -> None:
        await anyio.lowlevel.checkpoint()
        names = [result.conversation_id for result in results]
        for name in names:
            if f"settle {name}" in self.fails:
                raise self.fails[f"settle {name}"]
        self.settled.append(names)

    async def work(self, delivery_id: str, lane: int, owner: str, fence: int, known: Any = None) -> None:
        self.done.append(f"send {delivery_id}")
        await anyio.lowlevel.checkpoint()

    def kick(self) -> None:
        self.kicks += 1

    def crew(self) -> Crew:
        return Crew(self, self, CLOCK, "wrk", self.kick, fences={1: 7})


class Named:
    """As much of a turn as a crew looks at."""

    def __init__(self, name: str, lane: int) -> None:
        self.id = name
        self.lane = lane


def turn(name: str, lane: int = 1) -> DueTurn:
    return DueTurn(1, lane, 0, cast(Any, None), cast(Any, Named(name, lane)), cast(Any, None))


def delivery(name: str) -> DueDelivery:
    return DueDelivery(name, "a", 1)


async def work(crew: Crew, found: dict[str, Sequence[Item]]) -> None:
    async with anyio.create_task_group() as group:
        crew.start(group, found)


async def test_what_needs_nobody_is_settled_in_one_unit() -> None:
    desk = Desk()
    crew = desk.crew()
    names = [f"c{n}" for n in range(50)]
    await work(crew, {name: [turn(name)] for name in names})
    assert desk.settled == [names]
    assert not crew.busy
    assert desk.kicks


async def test_who_waits_holds_nobody_up() -> None:
    desk = Desk(gates={"slow": anyio.Event(), "slower": anyio.Event()})
    crew = desk.crew()
    async with anyio.create_task_group() as group:
        names = ("slow", "a", "slower", "b")
        crew.start(group, {name: [turn(name)] for name in names})
        await wait_all_tasks_blocked()
        assert {name for names in desk.settled for name in names} == {"a", "b"}
        assert crew.busy == {"slow", "slower"}
        crew.start(group, {"c": [turn("c")]})
        await wait_all_tasks_blocked()
        assert desk.settled[-1] == ["c"]
        desk.gates["slow"].set()
        desk.gates["slower"].set()
    assert not crew.busy


async def test_the_items_of_a_conversation_are_done_in_order_and_after_each_is_settled() -> None:
    desk = Desk()
    await work(desk.crew(), {"a": [delivery("d1"), turn("a"), delivery("d2")]})
    assert desk.done == ["send d1", "begin a", "end a", "send d2"]
    assert desk.settled == [["a"]]


async def test_one_that_cannot_be_settled_is_alone_with_it(caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(fails={"settle b": LookupError("no")})
    crew = desk.crew()
    await work(crew, {name: [turn(name)] for name in "abc"})
    assert desk.settled == [["a"], ["c"]]
    assert not crew.busy
    assert crew.not_now(CLOCK.now()) == {"b"}, "it rests"
    assert "the work on conversation b failed" in caplog.text


@pytest.mark.parametrize("where", ["handle a", "settle a"])
async def test_a_store_that_fails_is_waited_for(where: str, caplog: pytest.LogCaptureFixture) -> None:
    desk = Desk(fails={where: StoreError("full")})
    crew = desk.crew()
    await work(crew, {"a": [turn("a")]})
    assert (desk.settled, crew.busy) == ([], set())
    assert crew.not_now(CLOCK.now()) == {"a"}
    assert "waits for the store: full" in caplog.text


async def test_a_lane_that_was_lost_is_left_alone() -> None:
    desk = Desk()
    crew = desk.crew()
    await work(crew, {"a": [turn("a", lane=2)]})
    assert (desk.done, crew.busy) == ([], set())


async def test_what_nobody_has_begun_with_can_be_dropped() -> None:
    desk = Desk()
    crew = desk.crew()
    async with anyio.create_task_group() as group:
        crew.start(group, {"a": [turn("a")], "b": [turn("b")]})
        crew.drop()
    assert (desk.done, crew.busy) == ([], set())


class Hurried(FakeClock):
    """Three milliseconds go by between any two looks at it."""

    looks = 0

    def monotonic(self) -> float:
        self.looks += 1
        return self.looks * 0.003


async def test_a_runner_lets_the_loop_breathe() -> None:
    """Handlers that never wait do not keep the event loop from everything else for longer than a moment."""
    desk = Desk()
    crew = desk.crew()
    crew.clock = Hurried()
    seen: list[int] = []

    async def other() -> None:
        while len(desk.done) < 80:
            seen.append(len(desk.done))
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        crew.start(group, {f"c{n}": [turn(f"c{n}")] for n in range(40)})
        group.start_soon(other)
    assert len(set(seen)) > 3
    assert len(desk.done) == 80
