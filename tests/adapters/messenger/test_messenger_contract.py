"""Messenger keeps what every channel has to keep."""

from typing import ClassVar

from omnichannel.channel import Envelope, HttpResponse, Wire, WireAnswer
from omnichannel.kit.signatures import hmac_sign
from omnichannel.testing.contract import ChannelContract
from tests.adapters.messenger.given_messenger import CHANNEL, SECRET


class TestMessenger(ChannelContract):
    channel = CHANNEL
    own_addresses: ClassVar[tuple[str, ...]] = ("1906385232743451", "2906385232743451")

    def signed(self, body: bytes) -> Envelope:
        headers = {"x-hub-signature-256": f"sha256={hmac_sign(SECRET, body)}"}
        return Envelope(content=body, headers=headers, received_at=self.NOW)

    def answer(self, request: Wire) -> WireAnswer:
        return HttpResponse(200, content=b'{"recipient_id": "33612345678", "message_id": "m_new"}')
