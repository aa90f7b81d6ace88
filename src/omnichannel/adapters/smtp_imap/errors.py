"""Replies of the relay that we submit to: its login, then the codes that are the same everywhere."""

from __future__ import annotations

from datetime import timedelta

from omnichannel.channel.errors import ErrorTable, Rule, smtp_facts
from omnichannel.channel.wire import SmtpReply
from omnichannel.kit.mail.status import STATUS_DEFAULTS, STATUS_RULES, enhanced_in, judge
from omnichannel.model.outcome import Failure, Outcome

RFC_4954 = "https://www.rfc-editor.org/rfc/rfc4954#section-6"

LOGIN = (
    Rule(outcome=Outcome.RETRY, status=454, code="4.7.0", hold=timedelta(minutes=5), see=RFC_4954),
    Rule(outcome=Outcome.AUTH, status=432, see=RFC_4954),
    Rule(outcome=Outcome.AUTH, status=530, see=RFC_4954),
    Rule(outcome=Outcome.AUTH, status=534, see=RFC_4954),
    Rule(outcome=Outcome.AUTH, status=535, see=RFC_4954),
    Rule(outcome=Outcome.AUTH, status=538, see=RFC_4954),
)

ERRORS = ErrorTable(rules=(*LOGIN, *STATUS_RULES), defaults=STATUS_DEFAULTS)


def failure_of(reply: SmtpReply, recipient: str) -> Failure | None:
    """What the reply means for one recipient, or None where the mail was accepted for them."""
    if recipient in reply.refused:
        code, text = reply.refused[recipient]
        return judge(code, enhanced_in(text), text, ERRORS)
    facts = smtp_facts(reply)
    return None if facts is None else judge(reply.code, reply.enhanced or enhanced_in(reply.text), reply.text, ERRORS)
