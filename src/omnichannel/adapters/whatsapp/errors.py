"""Meta's error codes for the Cloud API, and what each means for routing.

The same codes come in answers, in `statuses[].errors[]` and in `value.errors[]`; the title and the HTTP status are
not to be trusted: https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal, TypeAlias

from omnichannel.channel import ErrorTable, Level, Outcome, Rule
from omnichannel.kit.meta_graph import GRAPH_RULES, read_graph_error

SEE = "https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes"
GRAPH = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
BSUID = "https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids"
MARKETING = "marketing"

RULES = (
    # what the token may do
    Rule(outcome=Outcome.AUTH, code=("131005", "131037", "131045", "133010"), see=SEE),
    # come again
    Rule(outcome=Outcome.RETRY, code="131016", see=SEE),
    Rule(outcome=Outcome.RETRY, code=("131000", "131052", "135000"), hold=timedelta(minutes=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code="130429", level=Level.ACCOUNT, see=SEE),
    Rule(outcome=Outcome.RETRY, code="131056", level=Level.PAIR, hold=timedelta(seconds=6), see=SEE),
    Rule(outcome=Outcome.RETRY, code="131057", level=Level.ACCOUNT, hold=timedelta(minutes=5), see=SEE),
    Rule(outcome=Outcome.RETRY, code="131064", level=Level.ACCOUNT, hold=timedelta(days=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code="132069", level=Level.TEMPLATE, hold=timedelta(hours=1), see=SEE),
    Rule(outcome=Outcome.RETRY, code="133016", level=Level.ACCOUNT, hold=timedelta(hours=1), see=SEE),
    # the account; 131048 stops only what the business begins, but whatever goes on makes it worse
    Rule(outcome=Outcome.SUSPENDED, code=("131031", "131048"), see=SEE),
    Rule(outcome=Outcome.PAYMENT_REQUIRED, code=("131042", "131044"), see=SEE),
    Rule(outcome=Outcome.WITHDRAWN, code="33", level=Level.ACCOUNT, see=SEE),
    # the person; what cannot go to a business-scoped id (131062) is one kind of message
    Rule(outcome=Outcome.UNREACHABLE, code="131026", see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, code="130497", level=Level.COUNTRY, see=SEE),
    Rule(outcome=Outcome.UNREACHABLE, code="131062", level=Level.MESSAGE, see=BSUID),
    Rule(outcome=Outcome.OPTED_OUT, code="131050", purpose=MARKETING, see=SEE),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="131047", see=SEE),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="131049", purpose=MARKETING, hold=timedelta(days=1), see=SEE),
    Rule(outcome=Outcome.WINDOW_CLOSED, code="130472", purpose=MARKETING, see=SEE),
    # the request
    Rule(outcome=Outcome.INVALID, code="131063", purpose=MARKETING, see=SEE),
    Rule(outcome=Outcome.INVALID, code=("131008", "131009", "131021", "131030"), see=SEE),
    Rule(outcome=Outcome.INVALID, code=("131051", "131053", "137000"), see=SEE),
    Rule(outcome=Outcome.INVALID, code=("132000", "132005", "132008", "132012", "132068"), see=SEE),
    Rule(outcome=Outcome.INVALID, code=("132001", "132007", "132015", "132016"), level=Level.TEMPLATE, see=SEE),
    # the API itself
    Rule(outcome=Outcome.WITHDRAWN, code=("12", "2635"), see=GRAPH),
    Rule(outcome=Outcome.WITHDRAWN, status=403, contains="your plan", see=GRAPH),
    # token, permissions, call rates, policy: 0, 1, 2, 3, 4, 10, 100, 190, 200-299, 368, 80007
    *GRAPH_RULES,
)
ERRORS = ErrorTable(read=read_graph_error, rules=RULES)

# ---------------------------------------------------------------- what Meta says of a number or a business account

State: TypeAlias = Literal["ok", "restricted", "suspended", "revoked", "deleted", "template", "info"]

NUMBER_STATES: Mapping[str, tuple[Outcome, Level]] = {
    "BANNED": (Outcome.SUSPENDED, Level.ACCOUNT),
    "RESTRICTED": (Outcome.SUSPENDED, Level.ACCOUNT),
    "DELETED": (Outcome.WITHDRAWN, Level.ACCOUNT),
    "MIGRATED": (Outcome.AUTH, Level.ACCOUNT),
    "UNLINKED": (Outcome.AUTH, Level.ACCOUNT),
}
"""What the platform says of a number that cannot send, and what that means."""
# https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/account_update
ACCOUNT_EVENTS: Mapping[str, State] = {
    "ACCOUNT_RESTRICTION": "restricted",
    "ACCOUNT_DELETED": "deleted",
    "ACCOUNT_OFFBOARDED": "revoked",
    "ACCOUNT_RECONNECTED": "ok",
    "PARTNER_APP_UNINSTALLED": "revoked",
    "PARTNER_REMOVED": "revoked",
}
BANS: Mapping[str, State] = {"SCHEDULE_FOR_DISABLE": "restricted", "DISABLE": "suspended", "REINSTATE": "ok"}
STATE_OUTCOMES: Mapping[State, Outcome] = {
    "restricted": Outcome.SUSPENDED,
    "suspended": Outcome.SUSPENDED,
    "revoked": Outcome.AUTH,
    "deleted": Outcome.AUTH,
}
OUTCOME_STATES: Mapping[Outcome, State] = {
    Outcome.SUSPENDED: "suspended",
    Outcome.AUTH: "revoked",
    Outcome.PAYMENT_REQUIRED: "restricted",
}
NO_ANSWERS = "RESTRICTED_CUSTOMER_INITIATED_MESSAGING"
"""Most restrictions stop what the business begins; only this one stops answers too."""
