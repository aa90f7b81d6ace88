"""The pager keeps what every channel has to keep."""

from acme_pager import PagerAccount, PagerChannel

from omnichannel.channel import Envelope
from omnichannel.kit.signatures import hmac_sign
from omnichannel.testing.contract import ChannelContract

ACCOUNT = PagerAccount.model_validate({"id": "pager", "secret": ["current-secret", "older-secret"], "token": "a-token"})


class TestPager(ChannelContract):
    channel = PagerChannel(ACCOUNT)
    fixtures = "fixtures"

    def signed(self, body: bytes) -> Envelope | None:
        headers = {"x-pager-signature": hmac_sign("current-secret", body)}
        return Envelope(content=body, headers=headers, received_at=self.NOW)
