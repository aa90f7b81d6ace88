"""Price books, caps, and consent: what may be sent and what it costs."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from omnichannel.channel.capabilities import PriceFact
from omnichannel.model.address import Consent
from omnichannel.routing.consent import consent_for
from omnichannel.routing.prices import NO_CAP, PriceCap, price, price_fact

NOW = datetime(2027, 3, 1, 12, tzinfo=UTC)


def fact(action: str, amount: str, **more: object) -> PriceFact:
    base = PriceFact(action=action, amount=Decimal(amount))
    since, until, country, condition = (more.get(name) for name in ("since", "until", "country", "condition"))
    return PriceFact(
        action=base.action,
        amount=base.amount,
        since=since if isinstance(since, date) else None,
        until=until if isinstance(until, date) else None,
        country=country if isinstance(country, str) else None,
        condition=condition if isinstance(condition, str) else "",
    )


BOOK = (
    fact("send", "0.015"),
    fact("send_with_link", "0.20"),
    fact("send", "0.03", country="FR"),
    fact("send", "0.07", condition="marketing"),
    fact("send", "0.09", condition="marketing", country="FR"),
    fact("reply", "0.010"),
    fact("receive", "0.001"),
)


@pytest.mark.parametrize(
    ("action", "country", "link", "conditions", "amount"),
    [
        ("send", None, False, (), "0.015"),
        ("send", "DE", False, (), "0.015"),
        ("send", "FR", False, (), "0.03"),
        ("send", None, True, (), "0.20"),
        ("reply", None, False, (), "0.010"),
        ("reply", None, True, (), "0.20"),
        ("send", None, False, ("marketing",), "0.07"),
        ("send", "FR", False, ("marketing", "dm"), "0.09"),
        ("receive", None, False, (), "0.001"),
        ("call", None, False, (), "0.015"),
    ],
)
def test_the_most_particular_price_applies(
    action: str, country: str | None, link: bool, conditions: tuple[str, ...], amount: str
) -> None:
    assert price(BOOK, action, country, NOW, link, conditions=conditions) == Decimal(amount)


def test_a_reply_with_a_link_of_its_own() -> None:
    book = (*BOOK, fact("reply_with_link", "0.011"))
    assert price(book, "reply", None, NOW, True) == Decimal("0.011")


def test_no_price_is_none_and_not_nothing() -> None:
    assert price((), "send", None, NOW) is None
    assert price((fact("send", "1", country="FR"),), "send", None, NOW) is None
    assert price((fact("send", "1", condition="template"),), "send", None, NOW) is None


@pytest.mark.parametrize(("day", "amount"), [(1, "1"), (2, "1"), (3, "2"), (9, "2")])
def test_prices_change_on_their_date(day: int, amount: str) -> None:
    book = (
        fact("send", "1", until=date(2027, 3, 3)),
        fact("send", "2", since=date(2027, 3, 3), until=date(2027, 3, 10)),
    )
    now = NOW + timedelta(days=day - 1)
    assert price(book, "send", None, now) == Decimal(amount)
    assert price(book, "send", None, NOW + timedelta(days=9)) is None


def test_what_a_configuration_sets_goes_before_what_is_published() -> None:
    own = fact("send", "9")
    assert price_fact((own, *BOOK), "send", None, NOW) is own


@pytest.mark.parametrize(
    ("cap", "amount", "currency", "too_much"),
    [
        (NO_CAP, Decimal(1000), "USD", False),
        (PriceCap(amount=Decimal(1)), Decimal(1), "USD", False),
        (PriceCap(amount=Decimal(1)), Decimal("1.01"), "USD", True),
        (PriceCap(amount=Decimal(0)), Decimal("0.01"), "USD", True),
        (PriceCap(amount=Decimal(0)), None, "USD", False),
        (PriceCap(amount=Decimal(1)), Decimal(9), "EUR", False),
        (PriceCap(amount=Decimal(1), rates={"EUR": Decimal("1.1")}), Decimal("0.95"), "EUR", True),
        (PriceCap(amount=Decimal(1), rates={"EUR": Decimal("1.1")}), Decimal("0.90"), "EUR", False),
        (PriceCap(amount=Decimal(1), currency="EUR"), Decimal(2), "EUR", True),
    ],
)
def test_caps(cap: PriceCap, amount: Decimal | None, currency: str, too_much: bool) -> None:
    assert cap.exceeded_by(amount, currency) is too_much


# ---------------------------------------------------------------- consent


def said(word: str, hours: int = 0) -> Consent:
    """`+marketing@sms` is a yes to marketing on sms, `-all` a no to everything everywhere."""
    purpose, _, channel = word[1:].partition("@")
    return Consent(
        brand="default",
        customer_id="cus_1",
        purpose=purpose,
        channel=channel or None,
        granted=word[0] == "+",
        source="test",
        changed_at=NOW + timedelta(hours=hours),
    )


@pytest.mark.parametrize(
    ("words", "service", "marketing"),
    [
        ("", "not_asked", "not_asked"),
        ("+marketing@sms", "not_asked", "granted"),
        ("+marketing", "not_asked", "granted"),
        ("+marketing@email", "not_asked", "not_asked"),
        ("+all@sms", "not_asked", "not_asked"),
        ("-all@sms", "revoked", "revoked"),
        ("-all@email", "not_asked", "not_asked"),
        ("-marketing", "not_asked", "revoked"),
        ("-all +all", "not_asked", "not_asked"),
        ("-all +all@sms", "not_asked", "not_asked"),
        ("-all@sms +all", "revoked", "revoked"),
        ("-all@sms +marketing", "revoked", "revoked"),
        ("-all@sms +marketing@sms", "revoked", "granted"),
        ("-all -all@sms +all@sms", "not_asked", "not_asked"),
        ("+marketing -all@sms +all@sms", "not_asked", "granted"),
        ("+marketing -marketing@sms +all@sms", "not_asked", "not_asked"),
        ("+marketing@sms -all", "revoked", "revoked"),
        ("-marketing@sms +service@sms", "granted", "revoked"),
    ],
)
def test_where_consent_stands(words: str, service: str, marketing: str) -> None:
    rows = [said(word, hours) for hours, word in enumerate(words.split())]
    for order in (rows, list(reversed(rows))):
        assert consent_for(order, "default", "service", "sms") == service
        assert consent_for(order, "default", "marketing", "sms") == marketing
        assert consent_for(order, "klm", "marketing", "sms") == "not_asked"


def test_of_the_same_time_the_no_wins() -> None:
    for rows in ([said("+all@sms"), said("-all@sms")], [said("-all@sms"), said("+all@sms")]):
        assert consent_for(rows, "default", "service", "sms") == "revoked"
