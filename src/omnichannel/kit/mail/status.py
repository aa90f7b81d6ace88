"""SMTP status codes, in replies and in bounces: what each means. The first digit decides where the enhanced code
disagrees. Providers with an API of their own report the same codes in their webhooks."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

from omnichannel.channel.errors import ErrorFacts, ErrorTable, Rule
from omnichannel.model.outcome import Failure, Level, Outcome

__all__ = ["STATUSES", "STATUS_DEFAULTS", "STATUS_RULES", "enhanced_in", "judge", "judge_report"]

RFC_3463 = "https://www.iana.org/assignments/smtp-enhanced-status-codes"
RFC_5321 = "https://www.rfc-editor.org/rfc/rfc5321#section-4.2"
RFC_7372 = "https://www.rfc-editor.org/rfc/rfc7372"
GOOGLE = "https://support.google.com/a/answer/3726730"
MICROSOFT = "https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online"
YAHOO = "https://senders.yahooinc.com/smtp-error-codes/"

_MINUTES = timedelta(minutes=5)
_DAY = timedelta(days=1)

_NO_SUCH = ("5.1.0", "5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10")
_BLOCKED_IP = tuple(f"5.7.{number}" for number in range(606, 650))
_PROTOCOL = tuple(f"5.5.{number}" for number in range(7))
_CONTENT = tuple(f"5.6.{number}" for number in range(14))

STATUS_RULES = (
    # Our domain or our host is not trusted: every mail would fail alike.
    Rule(outcome=Outcome.SUSPENDED, code="5.7.26", see=GOOGLE),
    Rule(outcome=Outcome.SUSPENDED, code="5.7.9", see=YAHOO),
    Rule(outcome=Outcome.SUSPENDED, code=("5.7.515", *_BLOCKED_IP), see=MICROSOFT),
    Rule(
        outcome=Outcome.SUSPENDED,
        code=("5.7.20", "5.7.21", "5.7.22", "5.7.23", "5.7.25", "5.7.27"),
        see=RFC_7372,
    ),
    Rule(outcome=Outcome.SUSPENDED, status=554, contains="spamhaus", see=RFC_5321),
    Rule(outcome=Outcome.SUSPENDED, status=554, contains="blocklist", see=RFC_5321),
    Rule(outcome=Outcome.SUSPENDED, status=554, contains="blacklist", see=RFC_5321),
    # Temporary.
    Rule(outcome=Outcome.RETRY, code="4.2.2", hold=timedelta(hours=1), see=RFC_3463),
    Rule(outcome=Outcome.RETRY, status=421, level=Level.ACCOUNT, hold=_MINUTES, see=RFC_5321),
    Rule(outcome=Outcome.RETRY, status=450, hold=_MINUTES, see=RFC_5321),
    Rule(outcome=Outcome.RETRY, status=451, hold=_MINUTES, see=RFC_5321),
    Rule(outcome=Outcome.RETRY, status=452, hold=_MINUTES, see=RFC_5321),
    # The address.
    Rule(outcome=Outcome.UNREACHABLE, code=_NO_SUCH, see=RFC_3463),
    Rule(outcome=Outcome.UNREACHABLE, code="5.2.1", see=RFC_3463),
    Rule(outcome=Outcome.RETRY, code="5.2.2", hold=_DAY, see=RFC_3463),
    Rule(outcome=Outcome.UNREACHABLE, code=("5.4.1", "5.4.4", "5.4.7"), see=RFC_3463),
    Rule(outcome=Outcome.UNREACHABLE, status=556, see="https://www.rfc-editor.org/rfc/rfc7504"),
    # The mail.
    Rule(outcome=Outcome.INVALID, code=("5.2.3", "5.3.4"), see=RFC_3463),
    Rule(outcome=Outcome.INVALID, code="5.4.6", see=RFC_3463),
    Rule(outcome=Outcome.INVALID, code=_CONTENT, see=RFC_3463),
    Rule(outcome=Outcome.INVALID, code=_PROTOCOL, see=RFC_3463),
    # Policy: our own relay says that we may not send, or the other side does not want this mail.
    Rule(outcome=Outcome.AUTH, code="5.7.1", contains="relay", see=RFC_3463),
    Rule(outcome=Outcome.AUTH, code="5.7.1", contains="sender address rejected", see=RFC_3463),
    Rule(outcome=Outcome.AUTH, code="5.7.1", contains="not owned by user", see=RFC_3463),
    Rule(outcome=Outcome.AUTH, status=553, contains="not owned by user", see=RFC_5321),
    Rule(outcome=Outcome.INVALID, code="5.7.1", see=RFC_3463),
    # Without an enhanced code (RFC 5321 4.2.2 and 4.2.3).
    Rule(outcome=Outcome.RETRY, status=552, contains="quota", hold=_DAY, see=RFC_5321),
    Rule(outcome=Outcome.RETRY, status=552, contains="full", hold=_DAY, see=RFC_5321),
    Rule(outcome=Outcome.INVALID, status=552, see=RFC_5321),
    Rule(outcome=Outcome.UNREACHABLE, status=550, contains="user unknown", see=RFC_5321),
    Rule(outcome=Outcome.UNREACHABLE, status=550, contains="no such user", see=RFC_5321),
    Rule(outcome=Outcome.UNREACHABLE, status=550, contains="does not exist", see=RFC_5321),
    Rule(outcome=Outcome.UNREACHABLE, status=550, contains="mailbox unavailable", see=RFC_5321),
    Rule(outcome=Outcome.UNREACHABLE, status=551, see=RFC_5321),
    Rule(outcome=Outcome.UNREACHABLE, status=553, see=RFC_5321),
    *(Rule(outcome=Outcome.INVALID, status=status, see=RFC_5321) for status in (500, 501, 502, 503, 504, 555)),
)
"""What is wrong with an address, a mail or our standing. Login is not among them: a server somewhere that wants one
says nothing about our own."""

STATUS_DEFAULTS = (
    *(Rule(outcome=Outcome.RETRY, status=status, hold=_MINUTES, see=RFC_5321) for status in range(400, 500)),
    *(Rule(outcome=Outcome.INVALID, status=status, see=RFC_5321) for status in range(500, 600)),
)
"""The first digit says it where nothing else does (RFC 5321 section 4.2.1)."""

STATUSES = ErrorTable(rules=STATUS_RULES, defaults=STATUS_DEFAULTS)

_ENHANCED = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY = re.compile(r"\b([45]\d\d)[ -]")


def judge(status: int, enhanced: str | None, text: str, table: ErrorTable = STATUSES) -> Failure:
    """The failure for a reply code, an enhanced code and their text. The reply code's first digit is authoritative:
    `550 4.2.2` is permanent."""
    digit = status // 100
    code = f"{digit}.{enhanced.partition('.')[2]}" if enhanced else None
    facts = ErrorFacts(status=status, code=code, message=text[:500])
    failure = table.classify(facts)
    known = any(rule.matches(facts) for rule in table.rules)
    return replace(failure, code=code or str(status), recognized=known)


def judge_report(status: str, diagnostic: str) -> Failure:
    """The failure in a bounce that says `failed`: final, whatever the first digit, because the relay gave up."""
    found = _REPLY.search(diagnostic)
    reply = int(found[1]) if found and found[1].startswith("5") else 500
    given, quoted = _ENHANCED.search(status), _ENHANCED.search(diagnostic)
    # x.0.0 is "other or undefined": what the other server said is more.
    vague = given is None or given[0].endswith(".0.0")
    enhanced = quoted or given if vague else given
    code = f"5.{enhanced[2]}.{enhanced[3]}" if enhanced else None
    if reply == 500 and code is not None:
        # No reply code: 500 itself would mean a syntax error.
        reply = 599
    return judge(reply, code, diagnostic or status)


def enhanced_in(text: str) -> str | None:
    """The enhanced code that a reply's text begins with (RFC 2034)."""
    found = _ENHANCED.match(text.strip())
    return found[0] if found else None
