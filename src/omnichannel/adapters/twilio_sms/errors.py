"""Twilio's error codes, and what each means for routing.

The same codes come in answers and, as `ErrorCode`, in status callbacks: https://www.twilio.com/docs/api/errors
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from omnichannel.adapters.twilio_sms.surfaces import MESSAGES
from omnichannel.channel import ErrorFacts, ErrorTable, Failure, HttpResponse, Level, Outcome, Rule
from omnichannel.channel.errors import retry_after
from omnichannel.kit.failures import reported_later
from omnichannel.kit.shapes import is_object, text_of

SEE = "https://www.twilio.com/docs/api/errors"

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def read_error(response: HttpResponse) -> ErrorFacts | None:
    """`{code, message, more_info, status}`, or a problem document (RFC 9457) with a `code`; None for a success.

    https://www.twilio.com/docs/usage/twilios-response#response-formats-exceptions
    """
    data = response.json()
    body: dict[str, Any] = cast(dict[str, Any], data) if is_object(data) else {}
    # No resource has a numeric `code` and a `message`: that is an error, whatever the status says.
    if response.ok and not (isinstance(body.get("code"), int) and "message" in body):
        return None
    words = next((found for name in ("message", "detail", "title") if (found := text_of(body.get(name)))), None)
    return ErrorFacts(
        status=response.status,
        code=text_of(body.get("code")),
        message=words or response.text[:500],
        retry_after=retry_after(response),
    )


def _rule(outcome: Outcome, *codes: int, **more: Any) -> Rule:
    return Rule(outcome=outcome, code=tuple(map(str, codes)), see=SEE, **more)


RULES = (
    # the account: no money, suspended, closed
    _rule(Outcome.PAYMENT_REQUIRED, 20005, 10001, 30002, contains="balance"),
    _rule(Outcome.PAYMENT_REQUIRED, 20005, 10001, 30002, contains="funds"),
    _rule(Outcome.SUSPENDED, 20005, 10001, 30002),
    # what the credentials may do
    _rule(Outcome.AUTH, 20003, 20008),
    _rule(Outcome.AUTH, 20006, 20010, 20403),
    # Only those who were verified get messages of a trial account, and only countries that were allowed: the rest
    # of the account works.
    _rule(Outcome.AUTH, 21608, level=Level.ADDRESS),
    _rule(Outcome.AUTH, 21408, level=Level.COUNTRY, hold=_HOUR),
    _rule(Outcome.AUTH, 30018, 30024, 30032, 30033, 30034),
    # the API itself
    _rule(Outcome.WITHDRAWN, 20410),
    # come again
    _rule(Outcome.RETRY, 20429, level=Level.ACCOUNT),
    _rule(Outcome.RETRY, 20500, certain=False),
    _rule(Outcome.RETRY, 20503, 21730),
    _rule(Outcome.RETRY, 21611, 30001, level=Level.ACCOUNT, hold=10 * _MINUTE),
    _rule(Outcome.RETRY, 30017, hold=5 * _MINUTE),
    _rule(Outcome.RETRY, 30022, level=Level.ACCOUNT, hold=_MINUTE),
    _rule(Outcome.RETRY, 30023, 30027, level=Level.ACCOUNT, hold=_DAY),
    _rule(Outcome.RETRY, 30035, level=Level.ACCOUNT, hold=_HOUR),
    _rule(Outcome.RETRY, 30036, hold=_MINUTE),
    _rule(Outcome.RETRY, 63018, level=Level.ACCOUNT, hold=_MINUTE),
    # the person
    _rule(Outcome.OPTED_OUT, 21610),
    _rule(Outcome.UNREACHABLE, 21211, 21604, 21614, 30005, 30006),
    _rule(Outcome.UNREACHABLE, 30004),
    # another sender may still reach them
    _rule(Outcome.UNREACHABLE, 21214, 21612, level=Level.PAIR),
    # The handset was off for as long as the carrier tried, or nobody says why: the address may be as good as ever.
    # Each further try costs, so another channel goes first, or a person decides.
    _rule(Outcome.UNREACHABLE, 30003, 30008, level=Level.MESSAGE),
    _rule(Outcome.WINDOW_CLOSED, 63016),
    # the request, or how our account is set up
    _rule(Outcome.INVALID, 20404, 21701, 21703, 21704, 21705),
    _rule(Outcome.INVALID, 21212, 21603, 21606, 21607, 21659),
    _rule(Outcome.INVALID, 21602, 21617, 21619, 21620, 21623, 21655, 21656, 30019),
    _rule(Outcome.INVALID, 30011),
    _rule(Outcome.INVALID, 30007),
    _rule(Outcome.INVALID, 30010, 30450, 30453),
    _rule(Outcome.INVALID, 35114, 35118, 35125),
    # Two bots are talking with each other: https://www.twilio.com/docs/api/errors/14107
    _rule(Outcome.INVALID, 14107, 14109),
    # Not a code but a status: somebody took back what was scheduled.
    Rule(outcome=Outcome.INVALID, code="canceled", see=MESSAGES),
)
ERRORS = ErrorTable(read=read_error, rules=RULES)


def late_failure(code: str | None, message: str) -> Failure:
    """What became of a message that had been accepted: the same rules, and always certain."""
    return reported_later(ERRORS, ErrorFacts(code=code or None, message=message), SEE)
