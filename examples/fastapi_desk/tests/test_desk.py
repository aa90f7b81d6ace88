"""The API and the handlers, against a simulated WhatsApp and a mocked CRM."""

import httpx
import pytest
import respx
from desk.hub import hub
from desk.main import app

from omnichannel.testing import World, mount_respx

PHONE = "+33612345678"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@respx.mock
async def test_a_known_customer_is_answered(respx_mock: respx.MockRouter, world: World) -> None:
    crm = respx_mock.get("https://crm.example/customers", params={"phone": PHONE}).respond(json={"id": "crm-7"})
    platforms = mount_respx(respx_mock, world)
    ann = world.customer("Ann", whatsapp=PHONE)
    async with world.run(hub) as live:
        app.state.hub = live
        await ann.on("whatsapp").says("Where is my bag?")
        await ann.on("whatsapp").sees("Welcome back.")
        assert (await live.customer(external_id="crm-7")).id == (await ann.record()).id

        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="https://desk.example") as web:
            (waiting,) = (await web.get("/queue/support")).json()["items"]
            given = {"text": "It is in Oslo.", "agent": "mia", "version": waiting["version"]}
            answers, once = f"/conversations/{waiting['id']}/answers", {"idempotency-key": "form-1"}
            first = await web.post(answers, json=given, headers=once)
            assert (first.status_code, first.json()["state"]) == (202, "queued")
            assert (await web.post(answers, json=given, headers=once)).json() == first.json()
            await world.settle()
            await ann.on("whatsapp").sees("It is in Oslo.")
            assert (await web.post(answers, json=given)).status_code == 409
            assert (await web.post("/conversations/cnv_none/answers", json=given)).status_code == 404
    assert crm.call_count == 1
    assert platforms.call_count >= 2


@respx.mock
async def test_a_stranger_is_answered_too(respx_mock: respx.MockRouter, world: World) -> None:
    respx_mock.get("https://crm.example/customers").respond(404)
    mount_respx(respx_mock, world)
    async with world.run(hub):
        await world.customer("Ben", whatsapp="+33687654321").on("whatsapp").says("Hello")
        await world.people[0].on("whatsapp").sees("Thank you for writing.")


async def test_webhooks_wait_while_the_hub_is_not_open() -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://desk.example") as web:
        assert (await web.post("/hooks/wa", json={})).status_code == 503
