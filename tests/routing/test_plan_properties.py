"""Whatever is configured, withdrawn, revoked and tried: what must hold for every decision."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from omnichannel.channel.capabilities import Capabilities, Initiation, ReplyWindow, Support
from omnichannel.model.address import Address, Consent
from omnichannel.model.content import Block, Template, Text
from omnichannel.model.message import Attempt, AttemptState
from omnichannel.model.withdrawal import WHOLE, Scope, Withdrawal
from omnichannel.routing.consent import consent_for
from omnichannel.routing.explain import decision_as_text
from omnichannel.routing.facts import Door, Facts, Place, Request
from omnichannel.routing.health import ChannelHealth
from omnichannel.routing.plan import decide
from omnichannel.routing.rules import Rule, Then, When
from omnichannel.withdrawal.effect import effect_of
from omnichannel.withdrawal.scopes import Question, governing
from tests.routing import given as given_doors
from tests.routing.given import DAY, NOW

CHANNELS = ("x", "whatsapp", "email", "sms")
ACCOUNTS = ("one", "two")
TIMES = st.integers(-20, 20).map(lambda days: NOW + days * DAY / 2)
SOMETIMES = st.none() | TIMES
CONTENT: st.SearchStrategy[Block] = st.sampled_from([Text("Hello"), Template("hello"), Text("+33612345678")])

SURFACES = st.builds(
    Capabilities,
    text_limit=st.just(1000),
    visibility=st.sampled_from(["private", "public"]),
    initiation=st.sampled_from(list(Initiation)),
    window=st.none()
    | st.builds(ReplyWindow, length=st.just(DAY), after=st.sampled_from(["template", "paid", "closed"])),
    features=st.sampled_from([{}, {"templates": Support.FULL}]),
)


def make_door(channel: str, account: str, brand: str, surfaces: dict[str, Capabilities]) -> Door:
    return Door(channel=channel, adapter=channel, account=f"{channel}-{account}", brand=brand, surfaces=surfaces)


def make_attempt(channel: str, account: str, state: AttemptState, at: datetime) -> Attempt:
    account = f"{channel}-{account}"
    return Attempt(channel=channel, account=account, started_at=at, state=state, certain=state != "unknown")


DOORS = st.lists(
    st.builds(
        make_door,
        st.sampled_from(CHANNELS),
        st.sampled_from(ACCOUNTS),
        st.sampled_from(["default", "klm"]),
        st.dictionaries(st.sampled_from(["dm", "mention"]), SURFACES, max_size=2),
    ),
    unique_by=lambda door: door.account,
    max_size=6,
)
ADDRESSES = st.lists(
    st.builds(
        Address,
        channel=st.sampled_from(CHANNELS),
        value=st.sampled_from(["+33612345678", "+14155550123", "ann@example.com", "4711"]),
        account=st.sampled_from(["", "x-one"]),
        assurance=st.integers(0, 4),
        expires_at=SOMETIMES,
    ),
    max_size=5,
)
CONSENTS = st.lists(
    st.builds(
        Consent,
        brand=st.sampled_from(["default", "klm"]),
        customer_id=st.just("cus_1"),
        purpose=st.sampled_from(["service", "marketing", "all"]),
        channel=st.none() | st.sampled_from(CHANNELS),
        granted=st.booleans(),
        source=st.just("test"),
        changed_at=TIMES,
    ),
    max_size=4,
)
SCOPES = st.just(WHOLE) | st.builds(
    Scope,
    direction=st.none() | st.sampled_from(["in", "out"]),
    surface=st.none() | st.sampled_from(["dm", "mention"]),
    country=st.none() | st.sampled_from(["FR", "+1"]),
    purpose=st.none() | st.sampled_from(["service", "marketing"]),
    agent=st.none() | st.sampled_from(["human", "bot"]),
)
WITHDRAWALS = st.lists(
    st.builds(
        Withdrawal,
        id=st.uuids().map(str),
        channel=st.sampled_from(CHANNELS),
        account=st.none() | st.sampled_from(["x-one", "sms-two", "x-main"]),
        scope=SCOPES,
        announced_at=SOMETIMES,
        no_new_at=SOMETIMES,
        closed_at=SOMETIMES,
        reinstated_at=SOMETIMES,
        canary=st.sampled_from([0.0, 0.5, 1.0]),
    ),
    max_size=4,
)
HEALTH = st.dictionaries(
    st.sampled_from([f"{channel}-{account}" for channel in CHANNELS for account in ACCOUNTS]),
    st.builds(
        ChannelHealth,
        held=st.none() | st.sampled_from(["payment", "review"]),
        held_until=SOMETIMES,
        rate_limited_until=SOMETIMES,
        open_until=SOMETIMES,
    ),
    max_size=3,
)
NAMES = st.lists(st.sampled_from([*CHANNELS, "telegram", "x-one", "nowhere"]), max_size=4).map(tuple)
RULES = st.lists(
    st.builds(
        Rule,
        name=st.just("rule"),
        when=st.builds(When, channel=st.sampled_from([(), ("x",)])),
        then=st.builds(Then, order=NAMES, expire=st.none() | st.just(timedelta(days=3)), hold=st.booleans()),
    ),
    max_size=2,
)
FACTS = st.builds(
    Facts,
    doors=DOORS,
    addresses=ADDRESSES,
    consents=CONSENTS,
    withdrawals=WITHDRAWALS,
    rules=RULES,
    health=HEALTH,
    last_in=st.dictionaries(
        st.tuples(
            st.sampled_from(CHANNELS),
            st.sampled_from(["x-one", "whatsapp-one", "sms-two", "email-one"]),
            st.sampled_from(["+33612345678", "ann@example.com", "4711"]),
        ),
        TIMES,
        max_size=4,
    ),
)
GONE = st.lists(
    st.builds(
        Withdrawal,
        id=st.uuids().map(str),
        channel=st.sampled_from(CHANNELS),
        scope=st.sampled_from([WHOLE, Scope(surface="dm"), Scope(direction="out"), Scope(direction="in")]),
        closed_at=st.just(NOW - DAY),
        reinstated_at=st.none() | st.just(NOW),
        canary=st.sampled_from([0.0, 1.0]),
    ),
    max_size=3,
)
FRIENDLY = st.builds(
    Facts,
    doors=st.sampled_from([given_doors.DOORS, (replace(given_doors.X, surfaces={"mention": given_doors.MENTION}),)]),
    addresses=st.sampled_from([given_doors.ANN, tuple(replace(a, expires_at=NOW) for a in given_doors.ANN)]),
    consents=CONSENTS,
    withdrawals=GONE,
    last_in=st.just(given_doors.WROTE),
)
"""A world in which most could be sent: what is left out is left out for a withdrawal, consent, or an address."""
PLACES = st.builds(
    Place,
    channel=st.sampled_from(CHANNELS),
    account=st.sampled_from(["x-one", "sms-two", "gone"]),
    surface=st.sampled_from(["dm", "mention"]),
    visibility=st.sampled_from(["private", "public"]),
    address=st.none() | st.sampled_from(["+33612345678", "4711"]),
    thread=st.none() | st.just("t"),
    opened_at=SOMETIMES,
)
STATES: list[AttemptState] = ["failed", "unknown", "skipped", "accepted"]
ATTEMPTS = st.builds(make_attempt, st.sampled_from(CHANNELS), st.sampled_from(ACCOUNTS), st.sampled_from(STATES), TIMES)
REQUESTS = st.builds(
    Request,
    delivery_id=st.just("dlv_1"),
    customer_id=st.just("cus_1"),
    content=CONTENT,
    purpose=st.sampled_from(["service", "marketing", "alert"]),
    order=NAMES,
    visibility=st.none() | st.sampled_from(["private", "public"]),
    expires_at=SOMETIMES,
    place=st.none() | PLACES,
    is_reply=st.booleans(),
    agent=st.sampled_from(["human", "bot"]),
    assurance=st.integers(0, 3),
    tried=st.lists(ATTEMPTS, max_size=2).map(tuple),
    preferred=st.none() | st.sampled_from([*CHANNELS, "telegram"]),
    country=st.none() | st.just("FR"),
)


OPEN_REQUESTS = st.builds(
    Request,
    delivery_id=st.just("dlv_1"),
    customer_id=st.just("cus_1"),
    content=st.just(Text("Hello")),
    purpose=st.sampled_from(["service", "alert"]),
    visibility=st.none() | st.sampled_from(["private", "public"]),
    place=st.sampled_from([None, given_doors.IN_DM, given_doors.IN_PUBLIC]),
    is_reply=st.booleans(),
    agent=st.sampled_from(["human", "bot"]),
)


@given(REQUESTS, FACTS)
def test_every_channel_stands_exactly_once(request: Request, facts: Facts) -> None:
    decision = decide(request, facts, NOW)
    ours = {(door.channel, door.account) for door in facts.doors if door.brand == request.brand}
    named = [request.preferred, *request.order, request.place.channel if request.place else None]
    known = {name for pair in ours for name in pair}
    wanted = ours | {(name, None) for name in named if name and name not in known}
    told = [(s.channel, s.account) for s in decision.steps] + [(r.channel, r.account) for r in decision.refused]
    assert len(told) == len(set(told))
    assert wanted <= set(told)
    by_rule = {name for rule in facts.rules if rule.name == decision.rule for name in rule.then.order}
    assert set(told) - wanted <= {(name, None) for name in by_rule}


@given(REQUESTS | OPEN_REQUESTS, FACTS)
def test_no_step_where_there_must_be_none(request: Request, facts: Facts) -> None:
    check_steps(request, facts)


@given(OPEN_REQUESTS, FRIENDLY)
def test_no_step_where_nearly_all_could_be_sent(request: Request, facts: Facts) -> None:
    check_steps(request, facts)


def check_steps(request: Request, facts: Facts) -> None:
    for step in decide(request, facts, NOW).steps:
        door = next(door for door in facts.doors if door.account == step.account)
        assert (door.brand, door.channel, door.adapter) == (request.brand, step.channel, step.adapter)
        capabilities = door.surfaces[step.surface]
        known = [a for a in facts.addresses if (a.channel, a.value) == (step.channel, step.address)]
        good = [a for a in known if a.account in ("", door.account) and (a.expires_at is None or a.expires_at > NOW)]
        assert good, "an absent or expired address"
        assert max(a.assurance for a in good) >= request.assurance
        standing = consent_for(facts.consents, request.brand, request.purpose, step.channel)
        assert standing != "revoked"
        assert standing == "granted" or request.purpose != "marketing"
        assert request.expires_at is None or request.expires_at > NOW
        if capabilities.visibility == "public":
            assert request.effective_visibility == "public"
            assert request.is_reply
            assert request.place is not None
            assert request.place.surface == step.surface
        state = facts.health_of(step.account)
        assert state.held is None or (state.held_until is not None and state.held_until <= NOW)
        assert state.rate_limited_until is None or state.rate_limited_until <= NOW


@given(OPEN_REQUESTS, FRIENDLY)
def test_no_step_through_a_closed_scope(request: Request, facts: Facts) -> None:
    for step in decide(request, facts, NOW).steps:
        country = {"+33612345678": "FR", "+14155550123": "US"}.get(step.address, request.country)
        question = Question(
            channel=step.channel,
            account=step.account,
            brand=request.brand,
            surface=step.surface,
            direction="out",
            country=country,
            purpose=request.purpose,
            agent=request.agent,
            number=step.address if step.address.startswith("+") else None,
        )
        found = governing(facts.withdrawals, question, NOW, customer_id=request.customer_id)
        effect = effect_of(found[1] if found else None)
        place = request.place
        here = place is not None and (place.account, place.surface) == (step.account, step.surface)
        assert effect.start or (effect.answer and request.is_reply and here)


@given(REQUESTS, FACTS)
def test_a_decision_depends_on_nothing_else(request: Request, facts: Facts) -> None:
    first = decide(request, facts, NOW)
    again = decide(replace(request), replace(facts, consents=list(reversed(facts.consents))), NOW)
    assert first == again
    for language in ("en", "fr", "de", "xx"):
        text = decision_as_text(first, language)
        assert len(text.splitlines()) >= 1 + max(1, len(first.steps)) + len(first.refused)


@given(REQUESTS, FACTS)
def test_what_was_tried_is_not_tried_again(request: Request, facts: Facts) -> None:
    decision = decide(request, facts, NOW)
    final = {a.account for a in request.tried if a.state in ("failed", "accepted")}
    assert final.isdisjoint(step.account for step in decision.steps)
    unknown = [a for a in request.tried if a.state == "unknown"]
    if len(unknown) > 1 and (request.expires_at is None or request.expires_at > NOW):
        expired = decision.expires_at is not None and decision.expires_at <= NOW
        assert expired or decision.hold
