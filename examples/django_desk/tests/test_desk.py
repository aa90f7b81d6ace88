"""The views and the webhook, against a simulated WhatsApp."""

import hmac
import json
import time
from pathlib import Path

import pytest
from desk import views
from desk.omni import hub, omni
from django.test import Client as Browser

from omnichannel.runtime.clock import SystemClock
from omnichannel.testing import World

PHONE = "+33612345678"


async def test_an_agent_reads_the_queue_and_answers(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ann, browser = world.customer("Ann", whatsapp=PHONE), Browser()
    async with world.run(hub):
        monkeypatch.setattr(views, "omni", world.client(omni))
        await ann.on("whatsapp").says("Where is my bag?")
        await ann.on("whatsapp").sees("A colleague answers you here.")
        (waiting,) = browser.get("/queue/support").json()["items"]
        shown = browser.get(f"/conversations/{waiting['id']}").json()
        assert shown["messages"][0]["text"] == "Where is my bag?"

        form = {"text": "It is in Oslo.", "form_id": "1", "version": shown["version"]}
        first = browser.post(f"/conversations/{waiting['id']}/answers", form)
        assert (first.status_code, first.json()["state"]) == (202, "queued")
        again = browser.post(f"/conversations/{waiting['id']}/answers", form)
        assert again.json()["delivery"] == first.json()["delivery"]
        await world.settle()
        await ann.on("whatsapp").sees("It is in Oslo.")
        assert [one.text for one in ann.on("whatsapp").seen()].count("It is in Oslo.") == 1

        late = browser.post(f"/conversations/{waiting['id']}/answers", {**form, "form_id": "2"})
        assert late.status_code == 409
        assert browser.get("/conversations/cnv_none").status_code == 404


async def test_what_whatsapp_posts_is_handled_by_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = f"sqlite:///{tmp_path / 'desk.db'}"
    for name, value in {"DESK_STORE": store, "WA_APP_SECRET": "s", "WA_TOKEN": "t", "WA_VERIFY_TOKEN": "v"}.items():
        monkeypatch.setenv(name, value)
    browser = Browser(enforce_csrf_checks=True)
    asked = {"hub.mode": "subscribe", "hub.verify_token": "v", "hub.challenge": "42"}
    assert browser.get("/hooks/wa", asked).content == b"42"

    message = {"from": PHONE[1:], "id": "wamid.1", "timestamp": str(int(time.time())), "type": "text"}
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "33199999999", "phone_number_id": "106540352242922"},
        "contacts": [{"profile": {"name": "Ann"}, "wa_id": PHONE[1:]}],
        "messages": [{**message, "text": {"body": "Où est ma valise ? 🧳"}}],
    }
    entry = [{"id": "1", "changes": [{"field": "messages", "value": value}]}]
    body = json.dumps({"object": "whatsapp_business_account", "entry": entry}, ensure_ascii=False).encode()
    signed = {"x-hub-signature-256": "sha256=" + hmac.new(b"s", body, "sha256").hexdigest()}
    forged = {"x-hub-signature-256": "sha256=" + "0" * 64}
    for headers, status in ((forged, 401), (signed, 200), (signed, 200)):  # platforms repeat themselves
        posted = browser.post("/hooks/wa", body, content_type="application/json", headers=headers)
        assert posted.status_code == status
    assert browser.post("/hooks/nobody", body, content_type="application/json").status_code == 404
    omni.close()

    world = World(store=store, start=SystemClock().now())
    world.customer("Ann", whatsapp=PHONE)
    async with world.run(hub) as live:
        (waiting,) = (await live.desk.list("support")).items
        (said,) = [one for one in (await live.history(waiting.customer_id)).items if one.direction == "in"]
        assert said.text == "Où est ma valise ? 🧳"
