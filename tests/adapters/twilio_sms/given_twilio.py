"""The accounts of these tests: a number in front, a Messaging Service with two more, and a name."""

from omnichannel.adapters.twilio_sms import TwilioSmsAccount, TwilioSmsChannel
from omnichannel.testing.simulators.twilio_sms_people import signature as signature

SID = "AC" + "a" * 32
KEY = "SK" + "b" * 32
SERVICE = "MG" + "c" * 32
TOKEN = "auth-token-0123456789abcdef"
HOOK = "https://desk.example/hooks/sms"


def account(**more: object) -> TwilioSmsAccount:
    """The number in front, in the United States."""
    given: dict[str, object] = {
        "id": "sms",
        "account_sid": SID,
        "auth_token": TOKEN,
        "api_key": KEY,
        "api_secret": "api-secret-0123456789",
        "sender": "+14155550100",
        "webhook_url": HOOK,
        **more,
    }
    return TwilioSmsAccount.model_validate(given)


FIRST = account()
POOL = account(id="pool", sender=None, messaging_service_sid=SERVICE, numbers=("+33644600001", "+33644600002"))
NAMED = account(id="named", sender="KLM", webhook_url=None)
CHANNEL = TwilioSmsChannel(FIRST, (FIRST, POOL, NAMED))
"""The first of the three, on one endpoint."""
