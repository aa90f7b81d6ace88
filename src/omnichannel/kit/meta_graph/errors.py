"""The error body of Graph platforms, and what the codes that they share mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from pydantic import JsonValue
from pydantic_core import from_json

from omnichannel.channel.errors import ErrorFacts, ErrorTable, Rule, read_status, retry_after, unreadable
from omnichannel.channel.wire import HttpResponse
from omnichannel.kit.failures import reported_later
from omnichannel.model.outcome import Failure, Level, Outcome

__all__ = ["GRAPH_RULES", "facts_of", "field_of", "late_failure", "read_graph_error"]

_ERRORS = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
_LIMITS = "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"
_MESSENGER = "https://developers.facebook.com/docs/messenger-platform/error-codes"
_TOKENS = "https://developers.facebook.com/docs/facebook-login/guides/access-tokens"
_WHATSAPP = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes"
_A_MINUTE = timedelta(minutes=1)

GRAPH_RULES: tuple[Rule, ...] = (
    # "Invalid JSON reply", although the messages were sent: never to be sent again blindly.
    Rule(outcome=Outcome.RETRY, kind="1/1357046", certain=False, see=_MESSENGER),
    # A token that is expired, revoked or without its permission is mended by a person only.
    Rule(outcome=Outcome.AUTH, code=("0", "190", "102"), see=_TOKENS),
    Rule(outcome=Outcome.AUTH, code=("3", "10", *map(str, range(200, 300))), see=_ERRORS),
    Rule(outcome=Outcome.RETRY, code="4", level=Level.APP, hold=_A_MINUTE, see=_LIMITS),
    Rule(outcome=Outcome.RETRY, code=("17", "32", "613"), level=Level.ACCOUNT, hold=_A_MINUTE, see=_LIMITS),
    Rule(outcome=Outcome.RETRY, code="80007", level=Level.ACCOUNT, hold=_A_MINUTE, see=_WHATSAPP),
    Rule(outcome=Outcome.RETRY, code=("1", "2"), see=_ERRORS),
    Rule(outcome=Outcome.SUSPENDED, code="368", see=_ERRORS),
    Rule(outcome=Outcome.RETRY, kind="transient", see=_ERRORS),
    Rule(outcome=Outcome.INVALID, code="100", see=_ERRORS),
)
"""General codes, for the end of an adapter's rules: `rules=(*OWN, *GRAPH_RULES)`. The first match wins, so that
codes with a subcode (`kind="10/2018278"`) and codes of one product stand before them."""


def read_graph_error(response: HttpResponse) -> ErrorFacts | None:
    """Facts of a Graph answer, whose body decides and not its status; None for a success.

    `code` is the error's code, `kind` is `code/subcode`, or `transient` where there is no subcode and Graph says
    so; the message ends with the details. The time that a rate limit lasts is read from its header.
    """
    data = response.json()
    error = data.get("error") if isinstance(data, dict) else None
    if not isinstance(error, dict):
        return read_status(response)
    return replace(facts_of(error), status=response.status, retry_after=_wait(response))


def facts_of(error: Mapping[str, JsonValue]) -> ErrorFacts:
    """Facts of one error object: the same shape comes in answers and in webhooks (`statuses[].errors[]`)."""
    code = _word(error.get("code"))
    subcode = _word(error.get("error_subcode"))
    kind = "transient" if error.get("is_transient") is True else None
    if subcode is not None:
        kind = f"{code}/{subcode}"
    details = error.get("error_data")
    texts = (
        error.get("message") or error.get("title"),
        details.get("details") if isinstance(details, dict) else details,
    )
    message = ": ".join(text for text in texts if isinstance(text, str) and text)
    return ErrorFacts(code=code, kind=kind, message=message[:500])


def late_failure(table: ErrorTable, error: Mapping[str, JsonValue], see: str) -> Failure:
    """What a webhook says went wrong with a message that had been accepted: the same rules, and always certain."""
    return reported_later(table, facts_of(error), see)


def field_of(answer: JsonValue, name: str) -> str:
    """A string of an answer to a request that may be repeated, so that nothing is in doubt without it. Raises
    `Rejected` where it is missing."""
    found = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(found, str):
        raise unreadable(HttpResponse(200), certain=True, why=f"answer has no {name}")
    return found


def _word(value: JsonValue) -> str | None:
    return str(value) if isinstance(value, int | str) and not isinstance(value, bool) else None


def _wait(response: HttpResponse) -> timedelta | None:
    """`Retry-After`, else the longest `estimated_time_to_regain_access` (minutes) of the usage header."""
    plain = retry_after(response)
    header = response.headers.get("x-business-use-case-usage")
    if plain is not None or header is None:
        return plain
    try:
        usage: JsonValue = from_json(header)
    except ValueError:
        return None
    minutes = [
        found
        for entries in (usage.values() if isinstance(usage, dict) else ())
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(found := entry.get("estimated_time_to_regain_access"), int)
    ]
    longest = min(max(minutes, default=0), 7 * 24 * 60)
    return timedelta(minutes=longest) if longest > 0 else None
