"""Mastodon's errors and what each means for routing.

A body is `{"error": "...", "error_description"?: "..."}`: the status decides, then the words. The words are those of
the English locale: an account whose interface language is another may get them in that one, and loses these rules.
https://docs.joinmastodon.org/entities/Error/ and https://github.com/mastodon/mastodon/blob/main/config/locales/en.yml
"""

from __future__ import annotations

from datetime import datetime, timedelta

from omnichannel.channel import ErrorFacts, HttpResponse, Level, Outcome, Rule
from omnichannel.channel.errors import retry_after
from omnichannel.kit.failures import WindowedErrors
from omnichannel.kit.shapes import member, text_of
from omnichannel.kit.times import at_iso

SEE = "https://docs.joinmastodon.org/entities/Error/"
STATUSES = "https://docs.joinmastodon.org/methods/statuses/#create"
RATES = "https://docs.joinmastodon.org/api/rate-limits/"
TOKENS = "https://docs.joinmastodon.org/api/oauth-tokens/"
LOCALE = "https://github.com/mastodon/mastodon/blob/main/config/locales/en.yml"
ACCOUNT = "https://github.com/mastodon/mastodon/blob/main/app/controllers/api/base_controller.rb"
CLOSING = "https://docs.joinmastodon.org/admin/tootctl/#self-destruct"
PROCESSING = timedelta(seconds=15)

RULES = (
    # credentials: they are not renewed, they work until somebody revokes them
    Rule(outcome=Outcome.AUTH, status=401, see=TOKENS),
    Rule(outcome=Outcome.AUTH, status=403, contains="outside the authorized scopes", see=SEE),
    # our account
    Rule(outcome=Outcome.SUSPENDED, status=403, contains="login is currently disabled", see=ACCOUNT),
    Rule(outcome=Outcome.SUSPENDED, status=403, contains="pending approval", see=ACCOUNT),
    Rule(outcome=Outcome.SUSPENDED, status=403, contains="missing a confirmed e-mail", see=ACCOUNT),
    Rule(outcome=Outcome.AUTH, status=403, contains="not allowed", see=SEE),
    # the person: a post that is gone looks like one of somebody who has blocked us
    Rule(outcome=Outcome.UNREACHABLE, status=404, contains="trying to reply to", see=LOCALE),
    # the request
    Rule(outcome=Outcome.INVALID, status=404, see=SEE),
    Rule(outcome=Outcome.INVALID, status=400, see=SEE),
    Rule(outcome=Outcome.RETRY, status=422, contains="not finished processing", hold=PROCESSING, see=LOCALE),
    Rule(outcome=Outcome.INVALID, status=422, see=STATUSES),
    # our server closes for good, and says so to everything
    Rule(outcome=Outcome.WITHDRAWN, status=410, see=CLOSING),
    # come again
    Rule(outcome=Outcome.RETRY, status=429, level=Level.ACCOUNT, see=RATES),
    Rule(outcome=Outcome.RETRY, status=500, certain=False, see=SEE),
    Rule(outcome=Outcome.RETRY, status=502, certain=False, see=SEE),
    Rule(outcome=Outcome.RETRY, status=503, certain=False, see=SEE),
    Rule(outcome=Outcome.RETRY, status=504, certain=False, see=SEE),
)


def read_error(response: HttpResponse) -> ErrorFacts | None:
    """The facts of an answer; None for a success, to which `206 Partial Content` (still processing) belongs."""
    if response.ok:
        return None
    body = response.json()
    words = [text_of(member(body, name)) for name in ("error", "error_description")]
    return ErrorFacts(
        status=response.status,
        kind=words[0] if words[1] else None,
        message=": ".join(one for one in words if one)[:500] or response.text[:500],
        retry_after=retry_after(response),
    )


def reset_at(response: HttpResponse) -> datetime | None:
    """When the rate limit's window ends: Mastodon gives a time (ISO 8601), not seconds."""
    if response.status != 429:
        return None
    return at_iso(response.headers.get("x-ratelimit-reset", "").strip())


ERRORS = WindowedErrors(read=read_error, rules=RULES, reset=reset_at)
