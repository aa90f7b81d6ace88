"""Webhooks without a loop: what is rare starts one for itself, and threads do not get in each other's way."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from io import BytesIO
from pathlib import Path

import pytest
from pydantic import SecretStr

from omnichannel import ConfigurationError
from omnichannel.adapters.whatsapp import WhatsAppAccount
from omnichannel.channel import HttpReply, HttpRequest, HttpResponse
from omnichannel.hub.ports import Ports
from omnichannel.kit.signatures import hmac_sign
from omnichannel.runtime.transport import StreamedResponse
from omnichannel.sync import Client
from omnichannel.sync.doorway import Doorway
from omnichannel.testing.clock import FakeClock
from tests.sync.given_desk import sql
from tests.webhooks.asgi import SignedAccount, signed_headers

KEY_URL = "https://keys.example/1"


class Platform:
    """The transport of a platform that has a key and takes confirmations; closed as often as it was opened."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open = 0

    async def send(self, request: HttpRequest, *, account: str) -> HttpResponse:
        self.asked.append(f"{account} {request.url}")
        return HttpResponse(200, {}, b"")

    @asynccontextmanager
    async def stream(self, request: HttpRequest, *, account: str) -> AsyncGenerator[StreamedResponse]:
        self.asked.append(request.url)

        async def chunks() -> AsyncGenerator[bytes]:
            yield b"good"

        yield StreamedResponse(200, {}, chunks())

    async def aclose(self) -> None:
        self.open -= 1


def doorway(path: Path, platform: Platform | None = None) -> Doorway:
    def transport(media: object) -> Platform:
        assert platform is not None
        platform.open += 1
        return platform

    ports = Ports(clock=FakeClock(), environ={}, transport=transport, allow=["https://keys.example"])
    return Doorway(Client([SignedAccount(id="shop")], store=f"sqlite:///{path}", ports=ports))


def post(door: Doorway, path: str, body: bytes, headers: dict[str, str]) -> HttpReply:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = door.answer("POST", path, b"", raw, BytesIO(body).read)
    assert answer is not None
    return answer


def test_a_key_is_fetched_once_and_a_subscription_confirmed(tmp_path: Path) -> None:
    platform = Platform()
    door = doorway(tmp_path / "desk.db", platform)
    for _ in range(3):
        assert post(door, "/shop", b"{}", {"x-mode": "key", "x-key-url": KEY_URL}).status == 200
    assert post(door, "/shop", b"{}", {"x-mode": "confirm"}).status == 200
    assert platform.asked == [KEY_URL, "shop https://sns.example/confirm"]
    assert platform.open == 0
    assert len(sql(tmp_path / "desk.db", "SELECT 1 FROM omni_journal")) == 3


def test_threads_take_webhooks_at_once(tmp_path: Path) -> None:
    door = doorway(tmp_path / "desk.db")

    def take(number: int) -> int:
        body = json.dumps({"n": number}).encode()
        return post(door, "/shop", body, signed_headers(body)).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(take, range(80))) == {200}
    kept = {row[0] for row in sql(tmp_path / "desk.db", "SELECT content FROM omni_journal")}
    assert kept == {json.dumps({"n": number}).encode() for number in range(80)}


def test_a_client_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    def gone(size: int) -> bytes:
        raise OSError("the client has gone away")

    headers = [(name.encode(), value.encode()) for name, value in signed_headers(b"").items()]
    assert doorway(tmp_path / "desk.db").answer("POST", "/shop", b"", headers, gone) is None
    assert sql(tmp_path / "desk.db", "SELECT * FROM omni_journal") == []


def test_a_large_body_lies_beside_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "desk.db"
    secrets = {"app_secret": (SecretStr("s"),), "token": SecretStr("t"), "verify_token": SecretStr("v")}
    account = WhatsAppAccount.model_validate({"id": "wa", "phone_number_id": "1065", **secrets})
    door = Doorway(Client([account], store=f"sqlite:///{path}"))
    body = json.dumps({"object": "whatsapp_business_account", "entry": [], "more": "x" * 300_000}).encode()
    answer = post(door, "/wa", body, {"x-hub-signature-256": f"sha256={hmac_sign('s', body)}"})
    assert answer.status == 200
    ((content, name),) = sql(path, "SELECT content, blob FROM omni_journal")
    assert content == b""
    assert next(Path(f"{path}-blobs").rglob(name)).read_bytes() == body


def test_without_a_secret_nothing_is_taken_and_the_reason_is_said(tmp_path: Path) -> None:
    account = SignedAccount.model_validate({"id": "shop", "app_secret": ("env:NOBODY_HAS_SET_THIS",)})
    door = Doorway(Client([account], store=f"sqlite:///{tmp_path / 'desk.db'}", ports=Ports(environ={})))
    for _ in range(2):  # it is looked for again: somebody may have set it
        with pytest.raises(ConfigurationError, match="NOBODY_HAS_SET_THIS"):
            post(door, "/shop", b"{}", signed_headers(b"{}"))
