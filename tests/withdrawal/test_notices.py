"""Notices: slots, languages, dates, and nothing that an impostor would write."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from omnichannel.model.content import Localized, Text
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Withdrawal
from omnichannel.withdrawal.notices import (
    allowed_hosts,
    asks_for,
    channel_name,
    check_notice,
    foreign_hosts,
    format_date,
    period_key,
    render_notice,
)
from omnichannel.withdrawal.texts import LANGUAGES

LINKS = {"email": "mailto:care@example.com?subject=%23A", "whatsapp": "https://wa.me/331?text=%23A"}
HOSTS = ("wa.me", "example.com")
W = Withdrawal(
    id="wdr_1",
    channel="x",
    closed_at=datetime(2027, 3, 1, tzinfo=UTC),
    targets=("whatsapp", "email"),
    notice=Localized(
        {
            "fr": "Nous quittons {channel} le {closed_at:date}. Continuez ici : {link}",
            "en": Text("{brand} leaves {channel} on {closed_at:date}. Go on here:\n{links}"),
        },
        default="en",
    ),
)


def test_slots_are_filled_in_the_customers_language() -> None:
    assert render_notice(W, "fr-CA", LINKS, "Example Air") == (
        "Nous quittons X le 1er mars 2027. Continuez ici : https://wa.me/331?text=%23A"
    )
    assert render_notice(W, "ja", LINKS, "Example Air") == (
        "Example Air leaves X on 2027-03-01. Go on here:\n"
        "WhatsApp: https://wa.me/331?text=%23A\ne-mail: mailto:care@example.com?subject=%23A"
    )


def test_what_fills_a_slot_is_not_read_for_slots_again() -> None:
    assert "{link}" in render_notice(W, "en", LINKS, "{link}")


def test_without_links_the_targets_are_named() -> None:
    assert render_notice(W, "fr", {}, "A").endswith("Continuez ici : WhatsApp, e-mail")
    assert render_notice(replace(W, targets=()), "fr", {}, "A").endswith("Continuez ici : ")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("dated", [True, False])
@pytest.mark.parametrize("links", [LINKS, {}])
def test_the_default_notices_say_all_and_nothing_else(language: str, dated: bool, links: dict[str, str]) -> None:
    w = replace(W, notice=None, closed_at=W.closed_at if dated else None)
    text = render_notice(w, language, links, "Example Air")
    assert "Example Air" in text
    assert " X" in text
    assert ("2027" in text) == dated
    assert "{" not in text
    assert all(link in text for link in links.values())
    assert "WhatsApp" in text
    assert allowed_hosts(text, HOSTS)
    assert asks_for(text) == ()
    check_notice(w, HOSTS)


def test_a_withdrawal_without_targets_promises_nothing() -> None:
    text = render_notice(replace(W, notice=None, targets=()), "en", {}, "Example Air")
    assert text == "You can reach Example Air on X until 1 March 2027."


@pytest.mark.parametrize(
    ("slot", "named"),
    [("{lnk}", "{link}"), ("{closed:date}", "{closed_at:date}"), ("{closed_at:time}", "{closed_at:date}")],
)
def test_an_unknown_slot_names_the_nearest(slot: str, named: str) -> None:
    w = replace(W, notice=Localized({"en": f"Go {slot}"}))
    with pytest.raises(ConfigurationError) as caught:
        render_notice(w, "en", LINKS, "A")
    assert slot in str(caught.value)
    assert named in str(caught.value)


@pytest.mark.parametrize("slot", ["{}", "{0}", "{brand.__class__}", "{link!r}"])
def test_a_slot_is_a_name_and_no_format_expression(slot: str) -> None:
    with pytest.raises(ConfigurationError, match="has no slot"):
        render_notice(replace(W, notice=Localized({"en": slot})), "en", LINKS, "A")


def test_a_date_that_is_not_set_is_refused() -> None:
    w = replace(W, notice=Localized({"en": "{read_only_at:date}"}))
    with pytest.raises(ConfigurationError, match="read_only_at, which has no date"):
        check_notice(w, HOSTS)


@pytest.mark.parametrize(
    ("language", "first", "eighth"),
    [
        ("en", "1 March 2027", "8 August 2027"),
        ("fr", "1er mars 2027", "8 août 2027"),
        ("de", "1. März 2027", "8. August 2027"),
        ("es", "1 de marzo de 2027", "8 de agosto de 2027"),
        ("it", "1º marzo 2027", "8 agosto 2027"),
        ("nl", "1 maart 2027", "8 augustus 2027"),
        ("pt-BR", "1 de março de 2027", "8 de agosto de 2027"),
        ("ja", "2027-03-01", "2027-08-08"),
        (None, "1 March 2027", "8 August 2027"),
    ],
)
def test_dates_are_written_as_people_write_them(language: str | None, first: str, eighth: str) -> None:
    assert format_date(datetime(2027, 3, 1, tzinfo=UTC), language, None) == first
    assert format_date(datetime(2027, 8, 8, tzinfo=UTC), language, "UTC") == eighth


def test_a_date_is_the_customers_day() -> None:
    at = datetime(2027, 3, 1, 3, tzinfo=UTC)
    assert format_date(at, "en", "America/New_York") == "28 February 2027"
    assert format_date(at, "en", "Nowhere/Atlantis") == "1 March 2027"
    assert format_date(at, "en", "../../etc/passwd") == "1 March 2027"


def test_every_language_has_twelve_months() -> None:
    assert {len(words.months) for words in LANGUAGES.values()} == {12}
    assert LANGUAGES.keys() == {"en", "fr", "de", "es", "it", "nl", "pt"}


@pytest.mark.parametrize(
    ("channel", "language", "name"),
    [
        ("x", "en", "X"),
        ("whatsapp", "fr", "WhatsApp"),
        ("email", "es", "correo electrónico"),
        ("voice", None, "telephone"),
        ("telegram", "de", "Telegram"),
        ("google_business_messages", "en", "Google Business Messages"),
        ("my_channel", "en", "My channel"),
    ],
)
def test_channels_are_called_as_customers_call_them(channel: str, language: str | None, name: str) -> None:
    assert channel_name(channel, language) == name


def test_a_new_period_is_a_new_notice() -> None:
    assert period_key(W, "cus_1") == "wdr_1:1:cus_1"
    assert period_key(replace(W, period=2), "cus_1") != period_key(W, "cus_1")


# ---------------------------------------------------------------- what may stand in it


@pytest.mark.parametrize(
    "text",
    [
        "Go on at https://wa.me/33612345678?text=hello.there",
        "https://help.example.com/a?next=other.org",
        "write to care@example.com or mailto:care@example.com?body=see%20other.org",
        "example.com",
        "sms:+33123456789?body=%23A7K2 or tel:+33123456789",
        "No link. At all, e.g. none, 3.14, a.b.",
        "HTTPS://WA.ME/1",
    ],
)
def test_allow_listed_hosts_pass(text: str) -> None:
    assert foreign_hosts(text, (*HOSTS, "+33123456789")) == ()
    assert allowed_hosts(text, (*HOSTS, "+33123456789"))


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://evil.org/wa.me", "evil.org"),
        ("https://wa.me@evil.org/", "evil.org"),
        ("https://wa.me.evil.org/", "wa.me.evil.org"),
        ("https://notexample.com", "notexample.com"),
        ("https://evil.org\\.example.com", "evil.org"),
        ("go to evil.org now", "evil.org"),
        ("https:/evil.org", "evil.org"),
        ("https:evil.org", "evil.org"),
        ("https://\u0435xample.com", "\u0435xample.com"),
        ("\uff48\uff54\uff54\uff50\uff53://evil\u3002org", "evil.org"),
        ("mailto:care@example.com@evil.org", "evil.org"),
        ("care@evil.org", "evil.org"),
        ("tel:+4900000", "+4900000"),
        ("sms:%2B4900000?body=x", "+4900000"),
        ("https://[::1", "[::1"),
        ("https:///path", "?"),
    ],
)
def test_other_hosts_are_found_however_they_are_dressed(text: str, host: str) -> None:
    assert host in foreign_hosts(text, (*HOSTS, "+33123456789"))


@pytest.mark.parametrize(
    "text",
    ["Send us your Card  Number", "votre numéro de téléphone", "Ihr PASSWORT", "número de teléfono", "kaartnummer"],
)
def test_asking_for_secrets_is_found(text: str) -> None:
    assert asks_for(text)
    with pytest.raises(ConfigurationError, match="asks for"):
        check_notice(replace(W, notice=Localized({"en": text})), HOSTS)


def test_a_foreign_host_in_any_language_is_refused() -> None:
    w = replace(W, notice=Localized({"en": "Go on here: {link}", "fr": "Ici : https://evil.org"}))
    with pytest.raises(ConfigurationError, match=r"\(fr\) links to evil\.org"):
        check_notice(w, HOSTS)


def test_long_texts_are_read_in_linear_time() -> None:
    for text in ("a." * 50_000, "https://" * 20_000, "a-" * 50_000, "\u3002" * 100_000, "{" * 100_000):
        foreign_hosts(text, HOSTS)
