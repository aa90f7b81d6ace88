"""The settings file: what it becomes, and what is said about each mistake."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TypeAlias

import pytest

from omnichannel.channel.base import Account
from omnichannel.config import Settings, load
from omnichannel.config.explain import described, meant
from omnichannel.model.content import Localized
from omnichannel.model.exceptions import ConfigurationError
from omnichannel.model.withdrawal import Scope

Load: TypeAlias = Callable[[str], Settings]
HERE = Path(__file__).parent


@pytest.fixture
def settings(tmp_path: Path) -> Load:
    def loaded(text: str) -> Settings:
        (tmp_path / "omnichannel.toml").write_text(text, "utf-8")
        return load(tmp_path / "omnichannel.toml")

    return loaded


def refusal(settings: Load, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        settings(text)
    return str(caught.value)


def test_a_file_of_every_table(settings: Load) -> None:
    found = settings((HERE / "fixtures" / "full.toml").read_text("utf-8"))
    assert (found.timezone, found.public_url) == ("Europe/Paris", "https://desk.example/hooks")
    assert (found.store.url, found.store.migrate) == ("env:DATABASE", "check")
    assert found.engine.url == "in-process"
    assert found.brands["air"].languages == ("fr", "en")
    assert [(one.id, one.channel, one.adapter, one.brand) for one in found.accounts] == [
        ("x-main", "x", "x", "air"),
        ("wa-fr", "whatsapp", "whatsapp", "air"),
        ("wa-de", "whatsapp", "whatsapp", "air"),
        ("care-mail", "email", "smtp_imap", "air"),
        ("here", "console", "console", "air"),
    ]
    assert found.queues["support"].first_response == timedelta(hours=4)
    assert [(rule.name, rule.then.order) for rule in found.rules] == [("X is closing", ("whatsapp", "email"))]
    assert found.prices[0].price.amount == Decimal("0.005")
    assert found.prices[0].channel == "x"
    assert found.account("wa-fr") is found.accounts[1]
    assert found.account("wa") is None


def test_an_endpoint_lends_its_settings_and_an_accounts_own_win(settings: Load) -> None:
    found = settings((HERE / "fixtures" / "full.toml").read_text("utf-8"))
    france, germany = (found.account(name) for name in ("wa-fr", "wa-de"))
    assert france is not None
    assert germany is not None
    assert secrets(france, "app_secret") == ["env:META_SECRET"]
    assert secrets(germany, "app_secret") == ["env:OWN_SECRET", "file:/run/secrets/old"]
    assert (france.endpoint, germany.endpoint) == ("meta", "meta")


def secrets(account: Account, field: str) -> list[str]:
    return [one.get_secret_value() for one in getattr(account, field)]


def test_times_without_a_zone_are_in_the_files(settings: Load) -> None:
    (one,) = settings((HERE / "fixtures" / "full.toml").read_text("utf-8")).withdrawals
    assert (one.id, one.channel, one.brand, one.targets) == ("leave-x", "x", "air", ("whatsapp", "email"))
    assert one.scope == Scope(surface="dm", country="FR")
    assert one.announced_at == datetime(2027, 1, 3, 23, tzinfo=UTC)
    assert one.redirect_at == datetime(2027, 1, 11, 8, tzinfo=UTC)
    assert one.no_new_at == datetime(2027, 2, 1, 9, tzinfo=UTC)
    assert one.closed_at == datetime(2027, 7, 1, 7, 30, tzinfo=UTC)
    assert one.notice == Localized({"fr": "Nous quittons X", "en": "We leave X"})


def test_the_least_file(settings: Load) -> None:
    assert settings("schema = 1") == Settings()


def test_a_notice_in_one_language_needs_no_default(settings: Load) -> None:
    found = settings('schema = 1\n[notices.bye]\nfr = "Au revoir"\n[notices.two]\nfr = "A"\nde = "B"\ndefault = "de"')
    assert found.notices == {
        "bye": Localized({"fr": "Au revoir"}, default="fr"),
        "two": Localized({"fr": "A", "de": "B"}, default="de"),
    }


ZONED = 'schema = 1\ntimezone = "Europe/Paris"\n'
WA = '[accounts.wa]\nchannel = "whatsapp"\nphone_number_id = "1"\n'
LITERAL = "a secret does not stand in this file: write 'env:NAME' or 'file:/path'"
TABLES = (
    "'accounts', 'brands', 'business_hours', 'endpoints', 'engine', 'guard', 'notices', 'price_cap', 'prices', "
    "'public_url', 'queues', 'quiet_hours', 'rules', 'schema', 'store', 'timezone' or 'withdrawals'"
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "schema: missing"),
        ("schema = 2", "schema: expected 1, found a whole number (2)"),
        ('schema = 1\npublic_urll = "x"', "public_urll: unknown key; did you mean 'public_url'?"),
        ("schema = 1\nzzz = 1", f"zzz: unknown key; expected {TABLES}"),
        ("schema = 1\ntimezone = 3", "timezone: expected text, found a whole number (3)"),
        ('schema = 1\ntimezone = "Paris"', "timezone: no zone 'Paris'; expected a name such as 'Europe/Paris'"),
        (
            'schema = 1\npublic_url = "desk.example"',
            "public_url: expected an http or https URL without a query, found text ('desk.example')",
        ),
        ("schema = 1\nstore = 3", "store: expected a table, found a whole number (3)"),
        (
            'schema = 1\n[store]\nmigrate = "yes"',
            "store.migrate: expected 'auto', 'check' or 'off', found text ('yes')",
        ),
        ('schema = 1\n[store]\nurl = "postgresql://a:hunter2@b/c"', f"store.url: {LITERAL}"),
        ("schema = 1\n[brands.air]\nname = true", "brands.air.name: expected text, found a truth value (true)"),
        ("schema = 1\n[brands.air]\nnamme = 1", "brands.air.namme: unknown key; did you mean 'name'?"),
        (
            "schema = 1\n[brands.Air]",
            "brands.Air: expected an id: small letters, digits, '.', '_' and '-', at most 63, found text ('Air')",
        ),
        (
            "schema = 1\n[accounts.a]",
            "accounts.a.channel: missing; expected one of console, email, mastodon, messenger, mewe, sms, snapchat, "
            "whatsapp, x",
        ),
        (
            'schema = 1\n[accounts.a]\nchannel = "whatsap"',
            "accounts.a.channel: no channel or adapter 'whatsap'; did you mean 'whatsapp'?",
        ),
        (
            'schema = 1\n[accounts.a]\nchannel = "email"\nadapter = "x"',
            "accounts.a.channel: adapter 'x' is for 'x', not for 'email'",
        ),
        ('schema = 1\n[accounts.a]\nchannel = "whatsapp"', "accounts.a.phone_number_id: missing"),
        (f'schema = 1\n{WA}tokn = "env:T"', "accounts.wa.tokn: unknown key; did you mean 'token'?"),
        (f'schema = 1\n{WA}token = "hunter2"', f"accounts.wa.token: {LITERAL}"),
        (f'schema = 1\n{WA}app_secret = ["env:A", "hunter2"]', f"accounts.wa.app_secret: {LITERAL}"),
        (
            f'schema = 1\n{WA}allow_unsigned = "hunter2"',
            "accounts.wa.allow_unsigned: expected true or false, found text",
        ),
        (
            f'schema = 1\n{WA}waba_id = "env:WABA"',
            "accounts.wa.waba_id: only secrets are read from 'env:' and 'file:': write the value here",
        ),
        (f'schema = 1\n{WA}id = "b"', "accounts.wa.id: the table's name is the id"),
        (
            f'schema = 1\n{WA}endpoint = "meat"\n[endpoints.meta]',
            "accounts.wa.endpoint: no endpoint 'meat'; did you mean 'meta'?",
        ),
        (
            f'schema = 1\n{WA}endpoint = "m"\n[endpoints.m]\napp_secert = "env:A"',
            "endpoints.m.app_secert: unknown key; did you mean 'app_secret'?",
        ),
        (
            f'schema = 1\n{WA}endpoint = "m"\n[endpoints.m]\napp_secret = "hunter2"',
            f"endpoints.m.app_secret: {LITERAL}",
        ),
        (
            f'schema = 1\n{WA}brand = "aire"\n[brands.air]\n[brands.sea]',
            "accounts.wa.brand: no brand 'aire'; did you mean 'air'?",
        ),
        (
            f"schema = 1\n{WA}[brands.air]\n[brands.sea]",
            "accounts.wa.brand: no brand 'default'; expected 'air' or 'sea'",
        ),
        (
            f'schema = 1\n{WA}[queues.q]\naccounts = ["vv"]',
            "queues.q.accounts[0]: no account 'vv'; expected 'wa'",
        ),
        (
            'schema = 1\n[queues.q]\nfirst_response = "4 hours"',
            "queues.q.first_response: expected a duration such as 'PT15M', found text ('4 hours')",
        ),
        ("schema = 1\n[[rules]]\nthen = {}", "rules[0].name: missing"),
        (
            'schema = 1\n[[rules]]\nname = "r"\nwhen = { chanel = "x" }',
            "rules[0].when.chanel: unknown key; did you mean 'channel'?",
        ),
        (
            'schema = 1\n[[rules]]\nname = "r"\nwhen = { purpose = "servce" }',
            "rules[0].when.purpose[0]: expected 'service', 'marketing' or 'alert', found text ('servce')",
        ),
        (
            'schema = 1\n[[rules]]\nname = "r"\nthen = { notice = "bye" }',
            "rules[0].then.notice: no notice 'bye'",
        ),
        (
            'schema = 1\n[engine]\nurl = "nats://bus:4222"',
            "engine.url: 'nats://bus:4222' is not supported; workers wake within their process ('in-process'), and "
            "look at the rows once a second",
        ),
        ('schema = 1\n[store]\ndb_schema = "desk"', "store.db_schema: SQLite has no schemas; leave it out"),
        (
            'schema = 1\n[store]\nurl = "env:DB"\ndb_schema = "de-sk"',
            "store.db_schema: expected a name: small letters, digits and '_', at most 63, found text ('de-sk')",
        ),
        (
            'schema = 1\n[store]\ntable_prefix = "t_"',
            "store.table_prefix: unknown key; expected 'db_schema', 'migrate' or 'url'",
        ),
        (
            'schema = 1\n[[rules]]\nname = "r"\nwhen = { business_hours = true }',
            "rules[0].when.business_hours: nobody knows the hours; add the table 'business_hours'",
        ),
        (
            'schema = 1\n[business_hours]\nmon = "9 to 5"',
            "business_hours.mon: expected hours such as '09:00-12:00, 13:00-18:00', found '9 to 5'",
        ),
        (
            'schema = 1\n[business_hours]\nmon = "18:00-09:00"',
            "business_hours.mon: expected hours such as '09:00-12:00, 13:00-18:00', found '18:00-09:00'",
        ),
        (
            'schema = 1\n[quiet_hours]\nstart = "22:00"\nend = "22:00"',
            "quiet_hours.end: the same as start; leave the table out for none",
        ),
        (
            'schema = 1\n[quiet_hours]\nstart = "22:00"\nend = "08:00"\nchannels = ["whatsap"]',
            "quiet_hours.channels: no channel 'whatsap'; did you mean 'whatsapp'?",
        ),
        (
            'schema = 1\n[brands.air]\ntimezone = "Europe/Pari"',
            "brands.air.timezone: no zone 'Europe/Pari'; expected a name such as 'Europe/Paris'",
        ),
        (
            'schema = 1\n[guard]\npatterns = ["(a+)+b"]',
            "guard.patterns[0]: pattern '(a+)+b' repeats without a bound what varies itself (a nested quantifier or "
            "alternatives)",
        ),
        (
            'schema = 1\n[[prices]]\nchannel = "xx"\naction = "send"\namount = 1',
            "prices[0].channel: no channel 'xx'; did you mean 'x'?",
        ),
        (
            'schema = 1\n[[prices]]\nchannel = "x"\naccount = "x-2"\naction = "send"\namount = 1',
            "prices[0].account: no account 'x-2'",
        ),
        ('schema = 1\n[[withdrawals]]\nchannel = "x"', "withdrawals[0].id: missing"),
        (
            'schema = 1\n[[withdrawals]]\nid = "w"\nchannel = "x"\nclosed_at = 2027-03-01T00:00:00',
            "withdrawals[0].closed_at: 2027-03-01T00:00:00 has no zone: add one, or set `timezone`",
        ),
        (
            'schema = 1\n[[withdrawals]]\nid = "w"\nchannel = "x"\nclosed_at = "soon"',
            "withdrawals[0].closed_at: expected a date and time, found text ('soon')",
        ),
        (
            f'{ZONED}[[withdrawals]]\nid = "w"\nchannel = "x"\nclosed_at = 2027-01-01\nno_new_at = 2027-02-01',
            "withdrawals[0]: withdrawal w: closed_at (2027-01-01T00:00:00+01:00) lies before no_new_at "
            "(2027-02-01T00:00:00+01:00)",
        ),
        (
            'schema = 1\n[[withdrawals]]\nid = "w"\nchannel = "x"\ncanary = 2',
            "withdrawals[0].canary: expected at most 1.0, found a whole number (2)",
        ),
        (
            'schema = 1\n[[withdrawals]]\nid = "w"\nchannel = "x"\nscope = { country = "France" }',
            "withdrawals[0].scope.country: expected a country such as 'FR' or a calling code such as '+33', "
            "found text ('France')",
        ),
        (
            'schema = 1\n[[withdrawals]]\nid = "w"\nchannel = "x"\n[[withdrawals]]\nid = "w"\nchannel = "x"',
            "withdrawals[1].id: 'w' is taken by another withdrawal",
        ),
        (
            f'schema = 1\n{WA}[[withdrawals]]\nid = "w"\nchannel = "x"\naccount = "we"',
            "withdrawals[0].account: no account 'we'; expected 'wa'",
        ),
        (
            'schema = 1\n[[withdrawals]]\nid = "w"\nchannel = "x"\nnotice = "by"\n[notices.bye]\nen = "Bye"',
            "withdrawals[0].notice: no notice 'by'; did you mean 'bye'?",
        ),
        (
            'schema = 1\n[[withdrawals]]\nid = "w"\nchannel = "x"\nnotice = { fr = "A", de = "B" }',
            "withdrawals[0].notice.en: missing; it is the text for all other languages",
        ),
        (
            'schema = 1\n[notices.bye]\nfr = "A"\ndefault = "de"',
            "notices.bye.de: missing; it is the text for all other languages",
        ),
        (
            'schema = 1\n[[prices]]\nchannel = "x"\naction = "send"\namount = "much"',
            "prices[0].amount: expected a number, found text ('much')",
        ),
        ('schema = 1\n[[prices]]\nchannel = "x"\naction = "send"', "prices[0].amount: missing"),
        (
            'schema = 1\n[[prices]]\nchannel = "x"\naction = "send"\namount = 1\ncurrencey = "EUR"',
            "prices[0].currencey: unknown key; did you mean 'currency'?",
        ),
        ('schema = 1\n[[prices]]\naction = "send"\namount = 1', "prices[0].channel: missing"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_was_expected(settings: Load, text: str, expected: str) -> None:
    said = refusal(settings, text)
    assert said == f"omnichannel.toml: {expected}"
    assert "hunter2" not in said


def test_all_mistakes_are_told_at_once(settings: Load) -> None:
    assert refusal(settings, "schema = 1\nzone = 1\n[store]\nurll = 1\n[queues.q]\naccounts = 3") == (
        "omnichannel.toml: 3 problems\n"
        "  store.urll: unknown key; did you mean 'url'?\n"
        "  queues.q.accounts: expected a list, found a whole number (3)\n"
        "  zone: unknown key; did you mean 'timezone'?"
    )


def test_a_file_that_is_not_there_or_not_toml(settings: Load, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere\.toml: No such file or directory"):
        load(tmp_path / "nowhere.toml")
    assert refusal(settings, "schema = ").startswith("omnichannel.toml: not TOML: Invalid value (at ")


def test_a_hint_is_the_nearest_name_or_all_where_they_are_few() -> None:
    assert meant("tokn", ["token", "id"]) == "; did you mean 'token'?"
    assert meant("q", ["a", "b", "c"]) == "; expected 'a', 'b' or 'c'"
    assert meant("q", []) == ""
    assert meant("q", [f"name-{number}" for number in range(30)]) == ""
    assert described([1]) == "a list"
    assert described("x" * 100) == "text"
    assert described(object()) == "something else"


# ---------------------------------------------------------------- notices of rules

RULED = """
schema = 1
[brands.air]
hosts = ["air.example"]
[accounts.here]
adapter = "console"
[notices.short]
en = "We leave {channel}: {link}"
[[rules]]
name = "dear"
when = { price_over = 0.1 }
then = { notice = %s }
"""


@pytest.mark.parametrize("notice", ['"short"', '{ en = "We leave {channel}: {link}" }'])
def test_a_rule_names_a_notice_or_has_one(settings: Load, notice: str) -> None:
    (rule,) = settings(RULED % notice).rules
    assert rule.then.notice == Localized({"en": "We leave {channel}: {link}"})


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        ('"shrot"', "rules[0].then.notice: no notice 'shrot'; did you mean 'short'?"),
        ('{ en = "See https://evil.example" }', "rules[0].then.notice: its notice (en) links to evil.example"),
        ('{ en = "{lnk}" }', "rules[0].then.notice: its notice has no slot {lnk}; the nearest is {link}"),
        ('{ fr = "A", nl = "B" }', "rules[0].then.notice"),
        ("3", "rules[0].then.notice"),
    ],
)
def test_what_is_wrong_with_it_is_said(settings: Load, notice: str, said: str) -> None:
    assert said in refusal(settings, RULED % notice)
