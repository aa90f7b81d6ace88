"""The client: opens late, says what it cannot do, and writes what a worker elsewhere sends."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from omnichannel import ConfigurationError, Handlers, Hub, StoreError, Turn
from omnichannel.hub.ports import Ports
from omnichannel.hub.settings import HubSettings
from omnichannel.runtime.clock import SystemClock
from omnichannel.stores.blobs import MemoryBlobs
from omnichannel.stores.sql import SqlStore
from omnichannel.sync import Client
from omnichannel.testing.asgi import InProcessTransport, post_webhook
from omnichannel.testing.simulators.base import WebhookRequest
from omnichannel.testing.simulators.whatsapp import WhatsAppSimulator
from tests.scenarios.support import accounts, handle
from tests.sync.given_desk import outcome, process, sql, store_with_somebody_waiting

SETTINGS = """
schema = 1
[store]
url = "sqlite:///{path}"
{store}
[accounts.wa]
channel = "whatsapp"
phone_number_id = "1065"
app_secret = "env:NOBODY_HAS_SET_THIS"
token = "env:NOBODY_HAS_SET_THIS"
display_number = "+33199999999"
[accounts.mail]
channel = "email"
address = "care@example.com"
smtp_url = "env:NOBODY_HAS_SET_THIS"
imap_url = "env:NOBODY_HAS_SET_THIS"
[[withdrawals]]
id = "leaving"
channel = "whatsapp"
targets = ["email"]
announced_at = 2020-01-01T00:00:00Z
"""


def settings(tmp_path: Path, store: str = "") -> Path:
    made = tmp_path / "omnichannel.toml"
    made.write_text(SETTINGS.format(path=(tmp_path / "desk.db").as_posix(), store=store), "utf-8")
    return made


async def test_it_opens_late_and_needs_no_secret(tmp_path: Path, seed: int) -> None:
    client = Client.from_toml(settings(tmp_path))
    assert not (tmp_path / "desk.db").exists()
    place = await store_with_somebody_waiting(tmp_path / "desk.db", seed)
    with client:
        assert client.can_reply(place, "Hello").steps
        customer = client.conversation(place).customer_id
        assert client.send(customer, "Your gate is K41.").state == "queued"
        client.close()
        assert client.conversation(place).id == place  # opened again
    (gone,) = sql(tmp_path / "desk.db", "SELECT data FROM omni_withdrawals")
    assert '"email"' in gone[0]


def test_a_transaction_of_ones_own_is_refused_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"SQLite.*idempotency_key"):
        Client(store=f"sqlite:///{tmp_path / 'desk.db'}").reply("cnv_1", "Hello", connection=object())
    with pytest.raises(ConfigurationError, match=r"this version.*idempotency_key"):
        Client(store="postgresql+psycopg://desk").reply("cnv_1", "Hello", connection=object())
    assert not (tmp_path / "desk.db").exists()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="no worker could find"):
        Client(store=url).desk.list("support")


def test_migrations_are_the_settings_business(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="omnichannel db upgrade"):
        Client.from_toml(settings(tmp_path, 'migrate = "check"')).desk.list("support")


async def test_a_worker_elsewhere_sends_what_another_process_wrote(tmp_path: Path, seed: int) -> None:
    """The hub works on real time; the answer is written by a process that has no loop, and no account."""
    path, ann = tmp_path / "desk.db", handle("Ann", "whatsapp")
    url = f"sqlite:///{path}"
    simulator = WhatsAppSimulator(now=SystemClock().now, seed=seed, read_receipts=False)
    adopted = simulator.adopt(accounts("whatsapp")[0])
    simulator.connect("wa", "https://desk.example/hooks/wa")
    simulator.customer("Ann", ann)
    handlers = Handlers()

    @handlers.on_message
    async def ask_a_person(turn: Turn) -> None:
        await turn.handoff()

    ports = Ports(
        clock=SystemClock(),
        store=SqlStore(url, durable=False),
        blobs=MemoryBlobs(),
        transport=lambda media: InProcessTransport([simulator], media=media),
        environ={},
    )
    hub = Hub(handlers=handlers).replica(HubSettings(accounts=[adopted]), ports, work=True)
    async with hub:

        async def post(request: WebhookRequest) -> int:
            status, _ = await post_webhook(hub.asgi, request, root_path="/hooks")
            return status

        simulator.says(ann, "Where is my bag?")
        await simulator.deliver_due(post)
        with anyio.fail_after(30):
            while not (await hub.desk.list("support")).items:
                await hub.core.ports.engine.wait(0.01)
        (waiting,) = (await hub.desk.list("support")).items
        (made,) = await anyio.to_thread.run_sync(lambda: outcome(process("answer", url, waiting.id, "form-1")))
        await hub.wait(made, "accepted")
    assert [seen.text for seen in simulator.seen(ann)] == ["It is in Oslo."]
    with Client(store=url) as client:
        assert [event.data["state"] for event in client.events(types=["delivery.updated"])][:1] == ["accepted"]
    assert len(sql(path, "SELECT 1 FROM omni_attempts")) == 1
