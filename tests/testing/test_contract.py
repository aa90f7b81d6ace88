"""The contract passes a whole channel, and finds each way in which one can be broken."""

from __future__ import annotations

import json
import unittest
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import JsonValue

from omnichannel.channel import (
    Accept,
    Account,
    Admission,
    Capabilities,
    Channel,
    ChannelEvent,
    Envelope,
    ErrorTable,
    Flow,
    HttpRequest,
    Keys,
    Link,
    LinkCapacity,
    MessageReceived,
    Outcome,
    Part,
    Receipt,
    Rule,
    SmtpMessage,
    SmtpReply,
    Support,
)
from omnichannel.model.content import Media
from omnichannel.testing.contract import ChannelContract
from tests.testing.pager import ACCOUNT, PagerAccount, PagerChannel, PagerContract, write_fixtures

REPLAYS = {
    "inbound": "test_recorded_payloads_become_the_expected_events",
    "outbound": "test_recorded_sends_are_as_expected",
    "errors": "test_recorded_errors_are_judged_as_expected",
}
CHECKS = sorted(name for name in dir(ChannelContract) if name.startswith("test_"))


@pytest.fixture
def fixtures(tmp_path: Path) -> Path:
    write_fixtures(tmp_path)
    return tmp_path


def contract(fixtures: Path, channel: type[Channel[Any]] = PagerChannel, **data: Any) -> ChannelContract:
    made: type[ChannelContract] = type("Contract", (PagerContract,), data)
    made.channel = channel(ACCOUNT)
    made.fixtures = str(fixtures)
    return made()


class Carries(PagerChannel):
    @property
    def reply_tokens(self) -> bool:
        return True

    def send(self, part: Part) -> Flow[Receipt]:
        body: dict[str, JsonValue] = {"to": part.to, "text": part.text}
        body |= {"back": part.context["reply_token"]} if part.context else {}
        data = yield from self.call(HttpRequest(method="POST", url="pages", body=body))
        return Receipt((self.require(data, "id"),))


@pytest.mark.parametrize("check", CHECKS)
def test_a_whole_channel_passes(fixtures: Path, check: str) -> None:
    getattr(contract(fixtures, Carries), check)()


class AcceptsAll(PagerChannel):
    def admit(self, envelope: Envelope, now: Any, keys: Keys) -> Admission:
        return Accept()


class RaisesOnHeaders(PagerChannel):
    def admit(self, envelope: Envelope, now: Any, keys: Keys) -> Admission:
        envelope.headers["x-signature"].encode("ascii")
        return super().admit(envelope, now, keys)


class OneSecret(PagerChannel):
    def admit(self, envelope: Envelope, now: Any, keys: Keys) -> Admission:
        first = self.account.model_copy(update={"secret": self.account.secret[:1]})
        return PagerChannel(first).admit(envelope, now, keys)


class KeyOfArrival(PagerChannel):
    def event(self, page: Mapping[str, Any], envelope: Envelope) -> ChannelEvent:
        at = envelope.received_at
        return MessageReceived(account="pager", dedupe=f"{at}{page['id']}", occurred_at=at, sender="7", text="hi")


class OneKeyForAll(PagerChannel):
    def event(self, page: Mapping[str, Any], envelope: Envelope) -> ChannelEvent:
        return MessageReceived(account="pager", dedupe="1", occurred_at=envelope.received_at, sender="7", text="hi")


class Remembers(PagerChannel):
    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        self.last = envelope
        return super().parse(envelope)


class HearsItself(PagerChannel):
    def event(self, page: Mapping[str, Any], envelope: Envelope) -> ChannelEvent:
        who, number = str(page["from"]), str(page["id"])
        at = envelope.received_at
        return MessageReceived(account="pager", dedupe=number, occurred_at=at, sender=who, text=str(page["text"]))


class Fragile(PagerChannel):
    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        envelope.content.decode("ascii")
        return [] if b'"from"' in envelope.content[:60] else self.fail()

    def fail(self) -> Sequence[ChannelEvent]:
        raise KeyError("from")


class Truncates(PagerChannel):
    def send(self, part: Part) -> Flow[Receipt]:
        data = yield from self.call(
            HttpRequest(method="POST", url="pages", body={"to": part.to, "text": part.text[:99]})
        )
        return Receipt((self.require(data, "id"),))


class Leaks(PagerChannel):
    def send(self, part: Part) -> Flow[Receipt]:
        secret = self.account.secret[0].get_secret_value()
        data = yield from self.call(HttpRequest(method="POST", url="pages", headers={"x-key": secret}))
        return Receipt((self.require(data, "id"),))


class Judges(PagerChannel):
    errors = ErrorTable(rules=(Rule(outcome=Outcome.OPTED_OUT, status=404), Rule(outcome=Outcome.INVALID, status=418)))


class Claims(PagerChannel):
    surfaces: ClassVar[Mapping[str, Capabilities]] = {
        "dm": Capabilities(text_limit=240, features={"edit": Support.FULL, "react": Support.LOSSY})
    }


class Hides(PagerChannel):
    surfaces: ClassVar[Mapping[str, Capabilities]] = {"dm": Capabilities(text_limit=240)}


class NoCapacity(PagerChannel):
    link_capacity = None


class NoReference(PagerChannel):
    link_capacity = LinkCapacity(chars=10, alphabet="digits")

    def link(self, ref: str, text: str) -> Link | None:
        return Link("https://pager.example/new")


class Forgets(PagerChannel):
    @property
    def reply_tokens(self) -> bool:
        return True


class NoSuchField(PagerChannel):
    webhook_secret = "app_secret"


class Unfetchable(PagerChannel):
    def event(self, page: Mapping[str, Any], envelope: Envelope) -> ChannelEvent:
        found, media = super().event(page, envelope), Media(ref="platform:1")
        if not isinstance(found, MessageReceived):
            return found
        at = envelope.received_at
        return MessageReceived(
            account="pager", dedupe="no-1", occurred_at=at, sender="7", text="hi", attachments=(media,)
        )


@pytest.mark.parametrize(
    ("channel", "check", "message"),
    [
        (AcceptsAll, "test_a_forged_webhook_is_refused", "accepted a forged webhook"),
        (AcceptsAll, "test_a_stale_webhook_is_refused", "accepted a webhook that is 0:05:02 old"),
        (AcceptsAll, "test_secrets_rotate", "a removed secret still verifies"),
        (OneSecret, "test_secrets_rotate", "the old secret stopped"),
        (RaisesOnHeaders, "test_a_forged_webhook_is_refused", "admit raised UnicodeEncodeError"),
        (KeyOfArrival, "test_a_redelivery_has_the_same_keys", "keys of a redelivery differ"),
        (OneKeyForAll, "test_a_redelivery_has_the_same_keys", "share a key"),
        (OneKeyForAll, "test_recorded_payloads_become_the_expected_events", "expected 'no-1', found '1'"),
        (Remembers, "test_parsing_is_pure_and_order_does_not_matter", "parse changed the channel"),
        (HearsItself, "test_what_we_said_is_not_received", "our own message came back"),
        (Fragile, "test_damaged_payloads_never_raise", "parse raised"),
        (Truncates, "test_text_at_the_limit_is_sent_whole", "dm: a text of 240 is not in the requests"),
        (Truncates, "test_text_at_the_limit_is_sent_whole", "wall: a text of 100 is not in the requests"),
        (Leaks, "test_requests_hold_no_secret", "a request holds a secret"),
        (Leaks, "test_recorded_sends_are_as_expected", "request[0].body.to: missing"),
        (Judges, "test_recorded_errors_are_judged_as_expected", "expected 'unreachable', found 'opted_out'"),
        (Judges, "test_every_error_rule_is_reached_by_a_recorded_answer", "status=418"),
        (Claims, "test_methods_are_overridden_if_and_only_if_declared", "`react` is not overridden"),
        (Hides, "test_methods_are_overridden_if_and_only_if_declared", "`edit` is overridden, but"),
        (NoCapacity, "test_methods_are_overridden_if_and_only_if_declared", "`link_capacity` is set if and only if"),
        (NoReference, "test_a_link_carries_its_reference", "does not carry 4927750163"),
        (Forgets, "test_a_reply_token_goes_out", "dm: the reply token is in no request"),
        (NoSuchField, "test_methods_are_overridden_if_and_only_if_declared", "the account has no 'app_secret'"),
        (Unfetchable, "test_recorded_payloads_become_the_expected_events", "no `locate` to fetch it"),
    ],
)
def test_a_broken_channel_is_found_out(fixtures: Path, channel: type[Channel[Any]], check: str, message: str) -> None:
    with pytest.raises(AssertionError) as caught:
        getattr(contract(fixtures, channel), check)()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "path", "value", "message"),
    [
        ("inbound", ("events",), [{"kind": "message_received"}], "events: expected 1 items, found 2"),
        ("inbound", ("events", 0, "txt"), "hi", "events[0].txt: missing"),
        ("outbound", (0, "receipt"), {"ids": ["8"]}, "result.ids[0]: expected '8', found '9'"),
        ("outbound", (0, "failure"), {}, "expected {'ids': ['9']}, found Receipt"),
        ("outbound", (0, "exchange"), [{"answer": {"json": {"id": 9}}}, {"answer": 1}], "1 answers were not used"),
        ("outbound", (0, "exchange"), [], "the flow wants an answer to request 1"),
        ("outbound", (0, "exchange", 0, "request"), {"urls": "pages"}, "request[0].urls: missing"),
        ("errors", ("cases", 1, "failure"), {}, "[fine]: expected {}, found None"),
    ],
)
def test_a_wrong_fixture_is_found_out(
    fixtures: Path, kind: str, path: tuple[str | int, ...], value: object, message: str
) -> None:
    file = fixtures / kind / "all.json"
    data: Any = json.loads(file.read_text("utf-8"))
    place = data
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    file.write_text(json.dumps(data), "utf-8")
    with pytest.raises(AssertionError) as caught:
        getattr(contract(fixtures), REPLAYS[kind])()
    assert message in str(caught.value)


class Bare(Channel[PagerAccount]):
    adapter = "bare"
    channel = "bare"
    surfaces: ClassVar[Mapping[str, Capabilities]] = {"dm": Capabilities(text_limit=0)}

    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        return []

    def send(self, part: Part) -> Flow[Receipt]:
        answer = yield SmtpMessage(sender="a@x.example", recipients=(part.to,), headers=(), text=part.text)
        assert isinstance(answer, SmtpReply)
        return Receipt(())


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("test_a_signed_webhook_is_admitted", "takes no webhooks"),
        ("test_a_forged_webhook_is_refused", "takes no webhooks"),
        ("test_a_stale_webhook_is_refused", "covers no time"),
        ("test_recorded_sends_are_as_expected", "no cases in"),
        ("test_every_error_rule_is_reached_by_a_recorded_answer", "no rules"),
        ("test_a_link_carries_its_reference", "nothing links here"),
        ("test_a_reply_token_goes_out", "answers bring none back"),
    ],
)
def test_what_cannot_be_checked_is_skipped_with_a_reason(tmp_path: Path, check: str, reason: str) -> None:
    with pytest.raises(unittest.SkipTest) as skipped:
        getattr(contract(tmp_path, Bare, stale_after=None), check)()
    assert reason in str(skipped.value)


def test_a_webhook_without_a_signer_is_skipped_and_one_without_rotation_too(tmp_path: Path) -> None:
    class Unsigned(PagerContract):
        def signed(self, body: bytes) -> Envelope | None:
            return None

    with pytest.raises(unittest.SkipTest, match="override `signed`"):
        Unsigned().test_a_signed_webhook_is_admitted()
    Unsigned().test_a_forged_webhook_is_refused()

    class Single(PagerChannel):
        webhook_secret = None

    with pytest.raises(unittest.SkipTest, match="several secrets"):
        contract(tmp_path, Single).test_secrets_rotate()


def test_a_mail_channel_is_judged_by_replies(tmp_path: Path) -> None:
    class Mail(Bare):
        surfaces: ClassVar[Mapping[str, Capabilities]] = {"dm": Capabilities(text_limit=500)}
        errors = ErrorTable(rules=(Rule(outcome=Outcome.UNREACHABLE, code="5.1.1"),))

    (tmp_path / "errors").mkdir()
    case = (
        '{"answer": {"smtp": {"code": 550, "enhanced": "5.1.1", "text": "no such user"}}, "failure": {"status": 550}}'
    )
    (tmp_path / "errors" / "unknown.json").write_text(case, "utf-8")
    checks = contract(tmp_path, Mail)
    checks.test_text_at_the_limit_is_sent_whole()
    checks.test_recorded_errors_are_judged_as_expected()
    checks.test_every_error_rule_is_reached_by_a_recorded_answer()


def test_an_account_is_never_changed_by_a_check() -> None:
    assert isinstance(ACCOUNT, Account)
    assert [one.get_secret_value() for one in ACCOUNT.secret] == ["current-secret", "older-secret"]
