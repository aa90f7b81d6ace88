"""SMS and MMS by Twilio."""

from omnichannel.adapters.twilio_sms.account import TwilioSmsAccount
from omnichannel.adapters.twilio_sms.channel import TwilioSmsChannel

__all__ = ["TwilioSmsAccount", "TwilioSmsChannel"]
