"""SMS by Twilio keeps what every channel has to keep."""

from typing import ClassVar
from urllib.parse import urlencode

from omnichannel.channel import Envelope, HttpResponse, Wire, WireAnswer
from omnichannel.testing.contract import ChannelContract
from tests.adapters.twilio_sms.given_twilio import CHANNEL, HOOK, TOKEN, signature

FIELDS = {"MessageSid": "SM" + "0" * 32, "From": "+14155550111", "To": "+14155550100", "Body": "Hé & ho", "Empty": ""}


class TestTwilioSms(ChannelContract):
    channel = CHANNEL
    own_addresses: ClassVar[tuple[str, ...]] = ("+14155550100", "+33644600001", "+33644600002", "KLM")
    body: ClassVar[bytes] = urlencode(FIELDS).encode()

    def signed(self, body: bytes) -> Envelope:
        headers = {"x-twilio-signature": signature(TOKEN, HOOK, FIELDS)}
        return Envelope(url=HOOK, content=body, headers=headers, received_at=self.NOW)

    def answer(self, request: Wire) -> WireAnswer:
        return HttpResponse(201, content=b'{"sid": "SM00000000000000000000000000000009", "status": "queued"}')
