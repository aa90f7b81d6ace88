"""The platforms of a world behind respx: as decorator, block and fixture, and never anything behind it."""

from __future__ import annotations

import httpx
import pytest
import respx
from respx.models import AllMockedAssertionError

from omnichannel import ConfigurationError, Hub
from omnichannel.channel import HttpRequest
from omnichannel.runtime.http import TransportError
from omnichannel.testing import World, mount_respx
from omnichannel.testing.faults import FaultPlan
from tests.scenarios.support import make_hub, person

CRM = "https://crm.example/customers"


async def answered(world: World, router: respx.MockRouter) -> None:
    """Somebody writes and is answered, and the host's own service is mocked as ever."""
    crm = router.get(CRM).respond(json={"vip": True})
    platforms = mount_respx(router, world)
    ann = person(world, "Ann", "whatsapp")
    async with world.run(make_hub("whatsapp")) as live:
        await ann.on("whatsapp").says("Hello")
        assert (router.calls.call_count, platforms.call_count) == (0, 0)
        (waiting,) = (await live.desk.list("support")).items
        await live.reply(waiting.id, "On the next flight.", agent="mia")
        await world.settle()
        await ann.on("whatsapp").sees("next flight")
        async with httpx.AsyncClient() as web:
            assert (await web.get(CRM)).json() == {"vip": True}
        assert platforms.call_count >= 1
        assert router.calls.call_count == platforms.call_count + crm.call_count
        sent = platforms.calls.last.request
        assert sent.headers["authorization"].startswith("Bearer ")
        assert b"next flight" in sent.content


@respx.mock
async def test_as_a_decorator(respx_mock: respx.MockRouter, seed: int) -> None:
    await answered(World(seed=seed), respx_mock)


@respx.mock(assert_all_called=True)
async def test_as_a_decorator_with_settings(respx_mock: respx.MockRouter, seed: int) -> None:
    await answered(World(seed=seed), respx_mock)


async def test_as_a_block(seed: int) -> None:
    async with respx.mock(base_url="https://other.example", assert_all_called=False) as router:
        world = World(seed=seed)
        mount_respx(router, world)
        ann = person(world, "Ann", "x")
        async with world.run(make_hub("x")) as live:
            await ann.on("x").says("Hello")
            (waiting,) = (await live.desk.list("support")).items
            await live.reply(waiting.id, "On the next flight.", agent="mia")
            await world.settle()
            await ann.on("x").sees("next flight")


@pytest.mark.respx(assert_all_called=True)
async def test_as_a_fixture(respx_mock: respx.MockRouter, seed: int) -> None:
    await answered(World(seed=seed), respx_mock)


async def test_nobody_has_to_be_called(seed: int) -> None:
    with respx.mock(assert_all_called=True) as router:
        mount_respx(router, World(seed=seed))
    router = respx.mock(assert_all_called=True)
    router.start()
    router.get(CRM)
    mount_respx(router, World(seed=seed))
    with pytest.raises(AssertionError, match="not called"):
        router.stop()


async def test_other_hosts_are_refused_as_respx_refuses_them(respx_mock: respx.MockRouter, seed: int) -> None:
    world = World(seed=seed)
    mount_respx(respx_mock, world)
    async with world.run(make_hub("whatsapp")) as live:
        with pytest.raises(AllMockedAssertionError, match="not mocked"):
            await live.core.transport.send(HttpRequest(method="GET", url="https://elsewhere.example/"), account="wa")
        async with live.core.transport.stream(
            HttpRequest(method="GET", url="https://graph.facebook.com/nothing"), account="wa"
        ) as response:
            assert response.status >= 400


async def test_ones_own_routes_go_first(respx_mock: respx.MockRouter, seed: int) -> None:
    world = World(seed=seed)
    broken = respx_mock.post(host="graph.facebook.com").respond(500)
    platforms = mount_respx(respx_mock, world)
    ann = person(world, "Ann", "whatsapp")
    async with world.run(make_hub("whatsapp")) as live:
        await ann.on("whatsapp").says("Hello")
        (waiting,) = (await live.desk.list("support")).items
        made = await live.reply(waiting.id, "On the next flight.", agent="mia")
        await world.settle()
        assert (await live.delivery(made.id)).state == "unknown"
    assert broken.called
    assert not platforms.calls.called


SENDING = HttpRequest(method="POST", url="https://graph.facebook.com/v23.0/1/messages", body={})


async def failure(live: Hub) -> tuple[str, bool]:
    with pytest.raises(TransportError) as caught:
        await live.core.transport.send(SENDING, account="wa")
    return caught.value.kind, caught.value.maybe_sent


async def test_a_platform_fails_on_the_wire_as_it_does_without_respx(respx_mock: respx.MockRouter, seed: int) -> None:
    world = World(seed=seed)
    mount_respx(respx_mock, world)
    async with world.run(make_hub("whatsapp")) as live:
        async with world.fail("whatsapp", "dns-blackhole"):
            assert await failure(live) == ("dns", False)
        world.simulator("whatsapp").faults = FaultPlan(seed, {"timeout_before_write": 1.0})
        assert await failure(live) == ("timeout", False)
        world.simulator("whatsapp").faults = FaultPlan(seed, {"timeout_after_write": 1.0})
        assert await failure(live) == ("timeout", True)
    assert respx_mock.calls.call_count == 3


async def test_what_would_reach_the_network_is_refused(respx_mock: respx.MockRouter, seed: int) -> None:
    world = World(seed=seed)
    with pytest.raises(ConfigurationError, match="httpcore"):
        mount_respx(respx.mock(using="httpx"), world)
    router = respx.mock()
    mount_respx(router, world)
    async with world.run(make_hub("whatsapp")) as live:
        with pytest.raises(ConfigurationError, match="respx is not on"):
            await live.core.transport.send(HttpRequest(method="GET", url="https://elsewhere.example/"), account="wa")
        with pytest.raises(ConfigurationError, match="before world"):
            mount_respx(respx_mock, world)
