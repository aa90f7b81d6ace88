"""What the tests of routing start from: a customer with four addresses, and a door to each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from omnichannel.channel.capabilities import Capabilities, Initiation, PriceFact, ReplyWindow, Support
from omnichannel.model.address import Address
from omnichannel.model.content import Text
from omnichannel.model.message import Attempt, AttemptState, Decision, Refusal
from omnichannel.routing.facts import Door, Facts, Place, Request

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

DM = Capabilities(
    text_limit=10_000,
    features={"quick_replies": Support.FULL, "buttons": Support.FULL},
    receipts=frozenset({"delivered", "read"}),
)
MENTION = Capabilities(text_limit=280, visibility="public", initiation=Initiation.SUMMONED)
CHAT = Capabilities(
    text_limit=4096,
    initiation=Initiation.TEMPLATE,
    window=ReplyWindow(length=DAY, after="template"),
    features={"templates": Support.FULL},
    receipts=frozenset({"sent", "delivered", "read"}),
)
PAGE = Capabilities(
    text_limit=2000, initiation=Initiation.AFTER_CONTACT, window=ReplyWindow(length=DAY, after="closed")
)
PLAIN = Capabilities(text_limit=1600)

ANN_X = Address(channel="x", value="4711", assurance=2)
ANN_WA = Address(channel="whatsapp", value="+33612345678", assurance=3)
ANN_MAIL = Address(channel="email", value="ann@example.com", assurance=3)
ANN_SMS = Address(channel="sms", value="+33612345678", assurance=3)
ANN = (ANN_X, ANN_WA, ANN_MAIL, ANN_SMS)

X = Door(channel="x", adapter="x", account="x-main", surfaces={"dm": DM, "mention": MENTION}, vendor="x")
WHATSAPP = Door(channel="whatsapp", adapter="whatsapp", account="wa-fr", surfaces={"dm": CHAT}, vendor="meta")
EMAIL = Door(channel="email", adapter="smtp_imap", account="care-mail", surfaces={"mail": PLAIN})
SMS = Door(
    channel="sms",
    adapter="twilio_sms",
    account="sms-fr",
    surfaces={"sms": PLAIN},
    vendor="twilio",
    prices=(PriceFact(action="send", amount=Decimal("0.08")),),
)
DOORS = (X, WHATSAPP, EMAIL, SMS)

IN_DM = Place(channel="x", account="x-main", surface="dm", address="4711", thread="4711-1", opened_at=NOW - DAY)
IN_PUBLIC = Place(
    channel="x", account="x-main", surface="mention", visibility="public", address="4711", thread="88", opened_at=NOW
)

START = Request(delivery_id="dlv_1", customer_id="cus_1", content=Text("Your bag has arrived."))
ANSWER = Request(delivery_id="dlv_1", customer_id="cus_1", content=Text("Yes."), place=IN_DM, is_reply=True)
FACTS = Facts(doors=DOORS, addresses=ANN)
UNHEARD: Mapping[tuple[str, str, str], datetime] = {}
WROTE: Mapping[tuple[str, str, str], datetime] = {("whatsapp", "wa-fr", "+33612345678"): NOW - HOUR}


def attempt(
    door: Door,
    state: AttemptState = "failed",
    *,
    ago: timedelta = HOUR,
    certain: bool = True,
    outcome: str | None = None,
) -> Attempt:
    """One earlier try."""
    return Attempt(
        channel=door.channel,
        account=door.account,
        started_at=NOW - ago,
        state=state,
        certain=certain,
        outcome=outcome,
    )


def accounts(decision: Decision) -> list[str]:
    """The accounts of the steps, in order."""
    return [step.account for step in decision.steps]


def why_not(decision: Decision) -> dict[str, str]:
    """The reason by account, or by channel where there is none."""
    return {refusal.account or refusal.channel: refusal.reason for refusal in decision.refused}


def refusal(decision: Decision, account: str) -> Refusal:
    """The refusal of one account."""
    (found,) = (one for one in decision.refused if one.account == account)
    return found
