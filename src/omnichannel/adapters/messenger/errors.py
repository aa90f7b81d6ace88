"""Meta's error codes for the Messenger Platform, and what each means for routing.

The code and its subcode decide, never the HTTP status:
https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes
"""

from __future__ import annotations

from datetime import timedelta

from omnichannel.adapters.messenger.surfaces import TAGS
from omnichannel.channel import ErrorTable, Level, Outcome, Rule
from omnichannel.kit.meta_graph import GRAPH_RULES, read_graph_error

SEE = "https://developers.facebook.com/documentation/business-messaging/messenger-platform/error-codes"
GRAPH = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
MARKETING = "marketing"
_A_MINUTE, _A_DAY = timedelta(minutes=1), timedelta(days=1)


def _under(*subcodes: str) -> tuple[str, ...]:
    """A subcode under each of the codes that the documentation or an answer shows it with."""
    return tuple(f"{code}/{one}" for one in subcodes for code in ("10", "100", "200"))


RULES = (
    # the window, and the tags that once reached past it: they ended on 27 April 2026
    Rule(outcome=Outcome.WINDOW_CLOSED, kind=("10/2018278", "10/2534022", "10/2018065"), see=SEE),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="100", contains="message tag", see=TAGS),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="100", contains="param tag", see=TAGS),
    # the person
    Rule(outcome=Outcome.UNREACHABLE, kind=("10/2018108", "10/2018336", "100/2018001"), see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, kind=("200/1545041", "551/1545041"), see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, code="551", see=SEE),
    Rule(outcome=Outcome.OPTED_OUT, kind="10/1893015", purpose=MARKETING, see=SEE),
    # the Page: 613/2018338 warns of tagged messages, and whatever goes on makes it worse
    Rule(outcome=Outcome.SUSPENDED, kind=("10/1893063", "613/2018338"), see=SEE),
    Rule(outcome=Outcome.SUSPENDED, kind="10/1404170", purpose=MARKETING, see=SEE),
    Rule(outcome=Outcome.SUSPENDED, code="2022", purpose=MARKETING, see=SEE),
    # what the token or the app may do
    Rule(outcome=Outcome.AUTH, kind=("2/2018344", "190/458", "190/459", "200/2018028", "200/2018027"), see=SEE),
    # come again; of 1/99 and 2 a few tries show what they mean, a missing permission or a block
    Rule(outcome=Outcome.RETRY, kind="1/99", hold=_A_MINUTE, see=SEE),
    Rule(outcome=Outcome.RETRY, kind="613/2534040", level=Level.ACCOUNT, hold=_A_MINUTE, see=SEE),
    Rule(outcome=Outcome.RETRY, kind=("4/2018354", "9/2018352"), purpose=MARKETING, hold=_A_DAY, see=SEE),
    Rule(outcome=Outcome.RETRY, kind=("100/2018008", "100/2018294"), hold=_A_MINUTE, see=SEE),
    # another app, or an automatic flow, holds the thread with this one person
    Rule(outcome=Outcome.RETRY, code=("2018300", "2018321"), level=Level.PAIR, hold=5 * _A_MINUTE, see=SEE),
    Rule(outcome=Outcome.RETRY, kind=_under("2018300", "2018321"), level=Level.PAIR, hold=5 * _A_MINUTE, see=SEE),
    # the request
    Rule(outcome=Outcome.INVALID, kind="613/1893016", purpose=MARKETING, see=SEE),
    Rule(outcome=Outcome.INVALID, kind=("100/33", "100/2018047", "100/2018074", "100/2018109"), see=SEE),
    Rule(outcome=Outcome.INVALID, kind=("100/2018014", "100/2018164"), see=SEE),
    Rule(outcome=Outcome.INVALID, code="9000001", see=SEE),
    # no profile, or no permission for one: nothing that a message needs
    Rule(outcome=Outcome.INVALID, kind=_under("2018218", "2018247"), see=SEE),
    # the API itself
    Rule(outcome=Outcome.WITHDRAWN, code=("12", "2635"), see=GRAPH),
    Rule(outcome=Outcome.WITHDRAWN, status=403, contains="your plan", see=GRAPH),
    # 1/1357046, token, permissions, call rates, policy: 0, 1, 2, 3, 4, 10, 17, 32, 100, 190, 200-299, 368, 613
    *GRAPH_RULES,
)
ERRORS = ErrorTable(read=read_graph_error, rules=RULES)
