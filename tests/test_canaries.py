"""No secret of ours leaves by a log, a value that prints, a row or a report; and no customer's words by a log."""

import base64
import logging
from typing import Any

import pytest
from pydantic import SecretStr

from omnichannel import Handlers, Hub, Text, Turn
from omnichannel.adapters.smtp_imap import SmtpImapAccount
from omnichannel.adapters.whatsapp import WhatsAppAccount
from omnichannel.adapters.x import XAccount
from omnichannel.channel import Account, HttpRequest
from omnichannel.model.exceptions import ConfigurationError, StoreError
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.transport import TransportError
from omnichannel.stores import schema
from omnichannel.stores.sql import SqlStore
from omnichannel.testing.faults import FaultPlan
from omnichannel.testing.world import World
from tests.canaries import MARK, Leak, Watch, canary, look_at_report, scan, watching
from tests.scenarios.support import HOUR, column

SECRET = canary("planted")
WORDS = "My card is lost, call me on the usual number please"
PHONE = "+33612345678"
MAIL = "ann.lee@mail.example"


def accounts() -> list[Account]:
    """Four accounts on each channel; no two secrets are the same, and each field has one."""
    found: list[Account] = []
    for number in range(4):
        given = {field: canary(f"x-{number}-{field}") for field in secret_fields(XAccount)}
        token = canary(f"x-{number}-token")
        if number:
            del given["token_secret"]  # two of them are OAuth 2.0
        found.append(
            XAccount.model_validate({**given, "id": f"x-{number}", "token": token, "client_id": f"app{number}"})
        )
        given = {field: canary(f"wa-{number}-{field}") for field in secret_fields(WhatsAppAccount)}
        found.append(WhatsAppAccount.model_validate({**given, "id": f"wa-{number}", "phone_number_id": f"10{number}"}))
        urls = {
            f"{kind}_url": f"{kind}s://care-{number}:{canary(f'mail-{number}-{kind}')}@mail.example.com"
            for kind in ("smtp", "imap")
        }
        rest = {
            field: canary(f"mail-{number}-{field}")
            for field in secret_fields(SmtpImapAccount)
            if not field.endswith("_url") and field != "access_token"
        }
        given = {**rest, **urls}
        found.append(
            SmtpImapAccount.model_validate({**given, "id": f"care-{number}", "address": f"care-{number}@example.com"})
        )
    return found


def secret_fields(kind: type[Account]) -> list[str]:
    return [name for name, info in kind.model_fields.items() if "SecretStr" in str(info.annotation)]


def secrets_of(account: Account) -> set[str]:
    found: set[str] = set()
    for name in secret_fields(type(account)):
        value: SecretStr | tuple[SecretStr, ...] | None = getattr(account, name)
        for one in value if isinstance(value, tuple) else (value,):
            found.update(MARK.findall(one.get_secret_value() if one else ""))
    return found


# ---------------------------------------------------------------- the watch itself


@pytest.mark.plants_secrets
def test_a_planted_leak_is_caught_wherever_it_is_planted() -> None:
    class Careless(Account):
        token: str

    log = logging.getLogger("omnichannel.planted")
    header = base64.b64encode(f"client:{SECRET}".encode()).decode()
    failure = Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT, code="x", message=f"bad token {SECRET}")
    watch = Watch()

    def raised() -> None:
        try:
            raise ValueError(SECRET)
        except ValueError:
            log.exception("failed")

    places: dict[str, Any] = {
        "a log": lambda: log.warning("token %s", SECRET),
        "a log of a client": lambda: logging.getLogger("httpx").debug("GET https://a.example/?t=%s", SECRET),
        "a traceback": raised,
        "an exception": lambda: ConfigurationError(f"wrong: {SECRET}"),
        "a transport's exception": lambda: TransportError("dns", maybe_sent=False, why=SECRET),
        "base64 of a header": lambda: watch.look(f"authorization: Basic {header}", "x"),
        "an account": lambda: watch.look_at(Careless(id="a", token=SECRET), "x"),
        "a request": lambda: watch.look_at(HttpRequest(method="GET", url=f"https://a.example/bot{SECRET}"), "x"),
        "a failure": lambda: watch.look_at(failure, "x"),
    }
    with watching(watch):
        for name, plant in places.items():
            plant()
            with pytest.raises(Leak):
                watch.check()
            assert not watch.leaks, name
        SecretStr("a chosen secret of a test").get_secret_value()
        log.info("it is: a chosen secret of a test")
        with pytest.raises(Leak):
            watch.check()
        log.info("it was: a chosen secret of a test")
        watch.check()


@pytest.mark.plants_secrets
def test_a_planted_leak_in_a_row_and_in_what_a_test_prints_is_caught() -> None:
    store, watch = SqlStore("sqlite://", threads=False), Watch()
    store.open_sync()
    connection: Any = getattr(store, "_connection")  # noqa: B009 - the store's own, for one row
    with connection.begin():
        connection.execute(schema.brands.insert().values(id="default", name=f"Example {SECRET}"))
        scan(connection, watch)
        connection.execute(schema.brands.delete())
    store.close_sync()
    with pytest.raises(Leak, match="omni_brands"):
        watch.check()
    printed = [("Captured stdout call", f"connecting with {SECRET}\n")]
    report = pytest.TestReport("t", ("t", 1, "t"), {}, "passed", None, "call", sections=printed)
    look_at_report(report, watch)
    assert report.failed
    assert "Captured stdout call" in report.longreprtext


def test_what_is_no_secret_is_no_leak() -> None:
    watch = Watch()
    for text in ("fake-token", "a fake-id of 16 digits", SECRET[:-1], base64.b64encode(b"a fake-mustache").decode()):
        watch.look(text, "x")
    with watching(watch):
        SecretStr("env:NAME_OF_A_VARIABLE").get_secret_value()
        SecretStr("short").get_secret_value()
        logging.getLogger("omnichannel").info("set NAME_OF_A_VARIABLE, env:NAME_OF_A_VARIABLE, in short")
    watch.check()


# ---------------------------------------------------------------- a day with everything at DEBUG


async def test_forty_canaries_stay_where_they_are_through_a_day_of_trouble(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = accounts()
    known = {secret for account in ours for secret in secrets_of(account)}
    assert len(known) >= 40
    watch, handlers = Watch(), Handlers()

    @handlers.on_message
    async def answer(turn: Turn) -> None:
        await turn.reply(Text(f"We call you back. You wrote: {turn.message.text}"))

    world = World(seed=1)
    ann = world.customer("Ann Lee", x="@annlee", whatsapp=PHONE, email=MAIL)
    hub = Hub(ours, handlers=handlers, work=False)
    with caplog.at_level(logging.DEBUG), watching(watch):
        async with world.run(hub) as live:
            await a_day(world, ann, live)
            await look_everywhere(live, watch)
        watch.look_at([hub, *ours], "the hub and its accounts")
    text = caplog.text + "".join(capsys.readouterr())
    assert watch.looked_at > 150
    watch.check()
    found = [secret for secret in known if secret in text]
    assert found == []
    # Nor does a log hold what a customer wrote, or an address to reach them at.
    assert not [one for one in (WORDS, PHONE, PHONE[1:], MAIL, "annlee") if one in text]
    assert "omnichannel." in text


async def a_day(world: World, ann: Any, live: Hub) -> None:
    """Messages on every channel, while the platforms fail in every way."""
    plans = {
        "x": FaultPlan(1, {"timeout_after_write": 0.3, "server_error": 0.3, "rate_limited": 0.2, "html_error": 0.1}),
        "whatsapp": FaultPlan(2, {"timeout_before_write": 0.3, "server_error": 0.3, "truncated_json": 0.3}),
    }
    for channel in ("x", "whatsapp", "email"):
        await ann.on(channel).says(WORDS)
        if channel in plans:
            world.simulator(channel).faults = plans[channel]
            await ann.on(channel).says(f"{WORDS}!")
            await world.advance(2 * HOUR)
    async with world.fail("whatsapp", "403-plan"):
        await ann.on("whatsapp").says(f"{WORDS}?")
        await world.advance(2 * HOUR)


async def look_everywhere(live: Hub, watch: Watch) -> None:
    """Everything that somebody who has a hub can print."""
    watch.look_at(live, "the hub")
    for channel in live.core.doors.channels.values():
        watch.look_at((channel, channel.account), "a channel")
    for delivery in await column(live, schema.deliveries.c.id):
        explained = await live.explain(delivery)
        watch.look_at(explained, "an explanation")
        for language in ("en", "fr", "de"):
            watch.look(explained.as_text(language), "an explanation in words")
    watch.look((await live.preview_withdrawal("x", targets=["whatsapp"])).as_text(), "a preview")


async def test_rows_and_parameters_stay_out_of_the_database_drivers_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    store = SqlStore("sqlite://", threads=False)
    async with store:
        await store.write(lambda c: c.execute(schema.brands.insert().values(id="default", name=WORDS)))
        with pytest.raises(Exception, match="UNIQUE") as caught:
            await store.write(lambda c: c.execute(schema.brands.insert().values(id="default", name=WORDS)))
        await store.read(lambda c: c.execute(schema.brands.select()).all())
    assert not isinstance(caught.value, StoreError)
    assert WORDS not in str(caught.value)
    assert WORDS not in caplog.text
