"""Meta's error codes for the Cloud API, and what each means for routing.

The same codes come in answers, in `statuses[].errors[]` and in `value.errors[]`; the title and the HTTP status are
not to be trusted: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

from omnichannel.channel import ErrorFacts, ErrorTable, Failure, HttpResponse, Level, Outcome, Rule
from omnichannel.channel.errors import retry_after

SEE = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"
GRAPH = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
BSUID = "https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids"
MARKETING = "marketing"

_PERMISSIONS = tuple(str(code) for code in range(200, 300))

RULES = (
    # the token, and what it may do
    Rule(outcome=Outcome.AUTH, code=("0", "190"), refresh=True, see=SEE),
    Rule(outcome=Outcome.AUTH, code=("3", "10", *_PERMISSIONS, "131005"), see=SEE),
    Rule(outcome=Outcome.AUTH, code=("131037", "131045", "133010"), see=SEE),
    # come again
    Rule(outcome=Outcome.RETRY, code=("1", "2", "131016"), see=SEE),
    Rule(outcome=Outcome.RETRY, code=("131000", "135000"), hold=timedelta(minutes=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code="131052", hold=timedelta(minutes=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code="4", level=Level.APP, hold=timedelta(minutes=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code=("80007", "130429"), level=Level.ACCOUNT, see=SEE),
    Rule(outcome=Outcome.RETRY, code="131056", level=Level.PAIR, hold=timedelta(seconds=6), see=SEE),
    Rule(outcome=Outcome.RETRY, code="131057", level=Level.ACCOUNT, hold=timedelta(minutes=5), see=SEE),
    Rule(outcome=Outcome.RETRY, code="131064", level=Level.ACCOUNT, hold=timedelta(days=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code="132069", level=Level.TEMPLATE, hold=timedelta(hours=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code="133016", level=Level.ACCOUNT, hold=timedelta(hours=1), see=SEE),
    # the account
    Rule(outcome=Outcome.SUSPENDED, code=("368", "131031"), see=SEE),
    # Only what the business begins is stopped, but whatever goes on makes it worse.
    Rule(outcome=Outcome.SUSPENDED, code="131048", see=SEE),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, code=("131042", "131044"), see=SEE),
    Rule(outcome=Outcome.WITHDRAWN, code="33", level=Level.ACCOUNT, see=SEE),
    # the person
    Rule(outcome=Outcome.UNREACHABLE, code="131026", see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, code="130497", level=Level.COUNTRY, see=SEE),
    # This kind of message cannot go to a business-scoped id; others can.
    Rule(outcome=Outcome.UNREACHABLE, code="131062", level=Level.MESSAGE, see=BSUID),
    Rule(outcome=Outcome.OPTED_OUT, code="131050", purpose=MARKETING, see=SEE),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="131047", see=SEE),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="131049", purpose=MARKETING, hold=timedelta(days=1), see=SEE),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="130472", purpose=MARKETING, see=SEE),
    # the request
    Rule(outcome=Outcome.INVALID, code="131063", purpose=MARKETING, see=SEE),
    Rule(outcome=Outcome.INVALID, code=("100", "131008", "131009", "131051", "131053"), see=SEE),
    Rule(outcome=Outcome.INVALID, code=("131021", "131030", "137000"), see=SEE),
    Rule(outcome=Outcome.INVALID, code=("132000", "132005", "132008", "132012", "132068"), see=SEE),
    Rule(outcome=Outcome.INVALID, code=("132001", "132007", "132015", "132016"), level=Level.TEMPLATE, see=SEE),
    # the API itself
    Rule(outcome=Outcome.WITHDRAWN, code=("12", "2635"), see=GRAPH),
    Rule(outcome=Outcome.WITHDRAWN, status=403, contains="your plan", see=GRAPH),
)


def read_error(response: HttpResponse) -> ErrorFacts | None:
    """The `error` object of an answer, which may come with a 200; without one, the status says it."""
    data = response.json()
    found = data.get("error") if isinstance(data, dict) else None
    if found is None and response.ok:
        return None
    if not isinstance(found, dict):
        return ErrorFacts(status=response.status, message=response.text[:500], retry_after=retry_after(response))
    return facts_of(found, status=response.status, wait=retry_after(response))


def facts_of(error: Mapping[str, Any], *, status: int | None = None, wait: timedelta | None = None) -> ErrorFacts:
    """The facts of one error object, in an answer or in a webhook."""
    code, kind = error.get("code"), error.get("type")
    data: Any = error.get("error_data")
    details = cast(dict[str, Any], data).get("details") if isinstance(data, dict) else None
    message = ": ".join(str(one) for one in (error.get("message") or error.get("title"), details) if one)
    return ErrorFacts(
        status=status,
        code=None if code is None else str(code),
        kind=kind if isinstance(kind, str) else None,
        message=message,
        retry_after=wait,
    )


ERRORS = ErrorTable(read=read_error, rules=RULES)


def late_failure(error: Mapping[str, Any]) -> Failure:
    """What a webhook says went wrong with a message that had been accepted: the same rules, and always certain."""
    failure = ERRORS.classify(facts_of(error))
    if failure.recognized:
        return failure
    return Failure(
        outcome=Outcome.INVALID,
        level=Level.MESSAGE,
        code=failure.code,
        message=failure.message,
        recognized=False,
        see=SEE,
    )
