"""WhatsApp keeps what every channel has to keep."""

from typing import ClassVar

from omnichannel.channel import Envelope, HttpResponse, Wire, WireAnswer
from omnichannel.kit.signatures import hmac_sign
from omnichannel.testing.contract import ChannelContract
from tests.adapters.whatsapp.given_whatsapp import CHANNEL, SECRET


class TestWhatsApp(ChannelContract):
    channel = CHANNEL
    own_addresses: ClassVar[tuple[str, ...]] = ("+15550783881", "+15550783882")

    def signed(self, body: bytes) -> Envelope:
        headers = {"x-hub-signature-256": f"sha256={hmac_sign(SECRET, body)}"}
        return Envelope(content=body, headers=headers, received_at=self.NOW)

    def answer(self, request: Wire) -> WireAnswer:
        return HttpResponse(200, content=b'{"messages": [{"id": "wamid.NEW=="}]}')
