"""X's errors and what each means for routing.

Bodies come in three shapes: a problem (`type`, `title`, `detail`), a list of `errors` of `{code, message}` or of
problems, and OAuth's `error`. A 200 may hold `errors` and no data. The two kinds of 429 differ in `type` or `title`.
Codes and texts: https://docs.x.com/x-api/fundamentals/response-codes-and-errors
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from pydantic import JsonValue

from omnichannel.channel import ErrorFacts, HttpResponse, Level, Outcome, Rule
from omnichannel.channel.errors import retry_after
from omnichannel.kit.failures import WindowedErrors
from omnichannel.kit.times import at_http_date

SEE = "https://docs.x.com/x-api/fundamentals/response-codes-and-errors"
RATES = "https://docs.x.com/x-api/fundamentals/rate-limits"
PRICING = "https://docs.x.com/x-api/getting-started/pricing"
CAP = "https://github.com/xdevplatform/xdk/issues/25"
ENROLMENT = "https://github.com/xdevplatform/samples/issues/129"
TWIKIT = "https://github.com/d60/twikit/issues/14"
MIGRATION = "https://docs.x.com/x-api/account-activity/migrate/overview"
OAUTH2 = "https://docs.x.com/fundamentals/authentication/oauth-2-0/authorization-code"
LOOKS_AUTOMATED = timedelta(hours=2)
_MAX_WAIT = timedelta(days=31)

RULES = (
    # the app and its money
    Rule(outcome=Outcome.PAYMENT_REQUIRED, kind=("CreditsDepleted", "credits"), level=Level.APP, see=PRICING),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, status=402, level=Level.APP, see=PRICING),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, kind=("usage-capped", "UsageCapExceeded"), level=Level.APP, see=CAP),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, code="client-not-enrolled", level=Level.APP, see=ENROLMENT),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, code="453", level=Level.APP, see=SEE),
    # the sending account
    Rule(outcome=Outcome.SUSPENDED, code=("64", "326"), see=SEE),
    Rule(outcome=Outcome.SUSPENDED, status=403, contains="your account is suspended", see=SEE),
    Rule(outcome=Outcome.SUSPENDED, status=403, contains="account is temporarily locked", see=SEE),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, status=403, contains="not permitted to access this feature", see=SEE),
    Rule(outcome=Outcome.RETRY, code="226", level=Level.ACCOUNT, hold=LOOKS_AUTOMATED, see=TWIKIT),
    # credentials
    Rule(outcome=Outcome.AUTH, status=400, kind=("invalid_grant", "invalid_client", "unauthorized_client"), see=OAUTH2),
    Rule(outcome=Outcome.AUTH, status=400, contains="value passed for the token was invalid", see=OAUTH2),
    Rule(outcome=Outcome.AUTH, status=401, kind=("invalid_client", "unauthorized_client"), see=OAUTH2),
    Rule(outcome=Outcome.AUTH, code=("32", "89"), refresh=True, see=SEE),
    Rule(outcome=Outcome.AUTH, status=401, refresh=True, see=SEE),
    Rule(outcome=Outcome.AUTH, code=("93", "220", "261"), see=SEE),
    Rule(outcome=Outcome.AUTH, status=403, kind=("oauth1-permissions", "unsupported-authentication"), see=SEE),
    Rule(outcome=Outcome.AUTH, status=403, contains="app permissions", see=SEE),
    Rule(outcome=Outcome.AUTH, status=403, contains="scope", see=SEE),
    # done already
    Rule(outcome=Outcome.ALREADY_DONE, code="187", see=SEE),
    Rule(outcome=Outcome.ALREADY_DONE, status=403, contains="duplicate content", see=SEE),
    # the person
    Rule(outcome=Outcome.UNREACHABLE, code=("349", "150"), see=TWIKIT),
    Rule(outcome=Outcome.UNREACHABLE, code="476", see="https://github.com/d60/twikit/issues/297"),
    Rule(outcome=Outcome.UNREACHABLE, status=403, contains="permission to dm one or more participants", see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, status=403, contains="cannot send messages to this user", see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, status=403, contains="you have been blocked", see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, code="136", see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, kind="not-authorized-for-resource", see=SEE),
    # a public answer that X does not allow; a DM may be
    Rule(outcome=Outcome.INVALID, status=403, contains="have not been mentioned or otherwise engaged", see=SEE),
    Rule(outcome=Outcome.INVALID, status=403, contains="reply to this conversation is not allowed", see=SEE),
    Rule(outcome=Outcome.INVALID, code="433", see=SEE),
    Rule(outcome=Outcome.INVALID, status=403, contains="cashtag", see=SEE),
    # the request
    Rule(outcome=Outcome.INVALID, kind=("disallowed-resource", "resource-unavailable"), see=SEE),
    Rule(outcome=Outcome.INVALID, code=("34", "50", "144", "179", "186", "385"), see=SEE),
    Rule(outcome=Outcome.INVALID, status=403, contains="deleted or not visible to you", see=SEE),
    Rule(outcome=Outcome.INVALID, kind="resource-not-found", see=SEE),
    Rule(outcome=Outcome.INVALID, kind="invalid-request", see=SEE),
    Rule(outcome=Outcome.INVALID, status=409, see=SEE),
    # the API
    Rule(outcome=Outcome.WITHDRAWN, code="251", see=MIGRATION),
    Rule(outcome=Outcome.WITHDRAWN, status=410, see=MIGRATION),
    # come again
    Rule(outcome=Outcome.RETRY, code="88", level=Level.ACCOUNT, see=RATES),
    Rule(outcome=Outcome.RETRY, status=429, level=Level.ACCOUNT, see=RATES),
    Rule(outcome=Outcome.RETRY, code=("130", "131"), certain=False, see=SEE),
    Rule(outcome=Outcome.RETRY, status=500, certain=False, see=SEE),
    Rule(outcome=Outcome.RETRY, status=502, certain=False, see=SEE),
    Rule(outcome=Outcome.RETRY, status=503, certain=False, see=SEE),
    Rule(outcome=Outcome.RETRY, status=504, certain=False, see=SEE),
)


def read_error(response: HttpResponse) -> ErrorFacts | None:
    """The facts of an answer; None for a success, also for one that could do only a part (`errors` beside `data`)."""
    data = response.json()
    body: Mapping[str, JsonValue] = data if isinstance(data, dict) else {}
    errors = body.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    if response.ok and (first is None or body.get("data")):
        return None
    entry: Mapping[str, JsonValue] = first if isinstance(first, dict) else {}
    problem = body if _text(body.get("title")) or _text(body.get("error")) else entry
    stated = entry.get("status")
    status = stated if response.ok and isinstance(stated, int) else response.status
    return ErrorFacts(
        status=status,
        code=_text(body.get("reason"))
        or _text(entry.get("reason"))
        or _text(body.get("code"))
        or _text(entry.get("code")),
        kind=_kind(problem),
        message=_message(body, entry) or response.text[:500],
        retry_after=_wait(response),
    )


def _kind(problem: Mapping[str, JsonValue]) -> str | None:
    """The slug of a problem's type (`https://api.x.com/2/problems/<slug>`), else its title, else OAuth's word."""
    slug = (_text(problem.get("type")) or "").rpartition("/problems/")[2]
    if slug and slug != "about:blank":
        return slug
    return _text(problem.get("title")) or _text(problem.get("error"))


def _message(body: Mapping[str, JsonValue], entry: Mapping[str, JsonValue]) -> str:
    found = [body.get("detail"), body.get("error_description"), entry.get("message"), entry.get("detail")]
    return " ".join(dict.fromkeys(one for one in found if isinstance(one, str) and one))[:500]


def _text(value: JsonValue | None) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) and value else None


def reset_at(response: HttpResponse) -> datetime | None:
    """When the rate limit's window ends: only of a 429 whose window is used up."""
    value = response.headers.get("x-rate-limit-reset", "").strip()
    if response.status != 429 or not (value.isascii() and value.isdigit() and len(value) <= 11):
        return None
    return datetime.fromtimestamp(int(value), UTC)


def _wait(response: HttpResponse) -> timedelta | None:
    told = retry_after(response)
    reset, now = reset_at(response), at_http_date(response.headers.get("date", ""))
    if told is not None or reset is None or now is None:
        return told
    return min(max(reset - now, timedelta(0)), _MAX_WAIT)


ERRORS = WindowedErrors(read=read_error, rules=RULES, reset=reset_at)
