"""What every channel has to keep, ours and yours: subclass `ChannelContract`, say which channel, add fixtures."""

from __future__ import annotations

import inspect
import random
import unittest
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import unquote_plus

from pydantic import SecretStr

from omnichannel.channel.base import Account, Channel
from omnichannel.channel.capabilities import Capabilities, Feature, Support
from omnichannel.channel.errors import ErrorFacts, Rejected, smtp_facts
from omnichannel.channel.wire import (
    Accept,
    Appended,
    Envelope,
    Flow,
    HttpResponse,
    Keys,
    Repeat,
    SmtpMessage,
    SmtpReply,
    Wire,
    WireAnswer,
)
from omnichannel.channel.wire import Append as AppendRequest
from omnichannel.kit.degrade import fit
from omnichannel.kit.text import measure
from omnichannel.model.content import Text
from omnichannel.model.event import CHANNEL_EVENT, ChannelEvent, MessageEchoed, MessageReceived, Unrecognized
from omnichannel.model.message import Part
from omnichannel.model.outcome import Failure
from omnichannel.testing import fixtures as recorded
from omnichannel.testing.flows import drive
from omnichannel.testing.mutations import mutate

__all__ = ["ChannelContract"]

LONGEST_TEXT = 70_000
"""A surface that takes more than this is not tried at its limit: the check would only measure memory."""

BACK = "r0a7k2qx9p4m8n3v5w1y6z0b2c4"
"""A reply token as the hub makes them."""

FEATURE_METHODS: Mapping[str, tuple[Feature, ...]] = {
    "edit": ("edit",),
    "delete": ("delete",),
    "react": ("react",),
    "mark_read": ("mark_read", "typing"),
}


class ChannelContract:
    """Checks one channel. Run by pytest: name the subclass `Test...`; it needs no pytest itself.

    Set `channel` to an instance with fake secrets and `fixtures` to a folder beside the test module, with `inbound`,
    `outbound` and `errors` in it (their format: `omnichannel.testing.fixtures`). Override:

    - `signed`, where webhooks are signed: an envelope with this body that the platform could have sent at `NOW`;
    - `stale_after`, where the signature covers a time that grows old;
    - `part`, where a surface wants more of a part than a recipient;
    - `answer`, where a send is more than one request and the later ones need something from the first answer.

    A check that has nothing to look at is skipped with a reason. All failures of a check are told together.
    """

    channel: ClassVar[Channel[Any]]
    fixtures: ClassVar[str] = "fixtures"
    own_addresses: ClassVar[tuple[str, ...]] = ()
    stale_after: ClassVar[timedelta | None] = None
    body: ClassVar[bytes] = b'{"contract": "a webhook body of no meaning"}'
    seed: ClassVar[int] = 20270104
    mutations: ClassVar[int] = 40

    NOW: ClassVar[datetime] = recorded.RECEIVED_AT

    # -- hooks

    def signed(self, body: bytes) -> Envelope | None:
        """An envelope with this body, signed with the channel's (first) secret at `NOW`."""
        return None

    def part(self, surface: str, text: str) -> Part:
        """A part of plain text that can be sent on a surface."""
        part = Part(key="part-1", to="+33612345678", content=Text(text), surface=surface)
        return part if surface == "dm" else replace(part, thread="thread-1", reply_to="1001")

    def answer(self, request: Wire) -> WireAnswer:
        """What the platform answers while limits are tried."""
        match request:
            case SmtpMessage():
                return SmtpReply(250, "2.0.0", "ok")
            case AppendRequest():
                return Appended(1)
            case _:
                return HttpResponse(200, {"content-type": "application/json"}, b'{"id": "1001"}')

    # -- webhooks

    def test_a_signed_webhook_is_admitted(self) -> None:
        admission = self.channel.admit(self._signed(), self.NOW, Keys())
        assert isinstance(admission, Accept), f"expected Accept for a signed webhook, found {admission}"

    def test_it_waits_for_answers_if_it_can_render_them(self) -> None:
        admission = self.channel.admit(self._signed(), self.NOW, Keys())
        waits = isinstance(admission, Accept) and admission.within is not None
        assert not waits or self._overrides("answer"), "accepts with `within`, and does not override `answer`"

    def test_a_forged_webhook_is_refused(self) -> None:
        if not self._overrides("admit"):
            raise unittest.SkipTest("the channel takes no webhooks")
        signed = self.signed(self.body)
        forged = [Envelope(content=self.body, received_at=self.NOW)]
        if signed is not None:
            forged += [replace(signed, content=signed.content + b" "), replace(signed, content=b"", headers={})]
            spoiled = [{**signed.headers, name: bad} for name in signed.headers for bad in ("", "\u00e9\u2603")]
            self._check(self._never_raises(replace(signed, headers=headers)) for headers in spoiled)
        for envelope in forged:
            admission = self.channel.admit(envelope, self.NOW, Keys())
            assert not isinstance(admission, Accept), f"accepted a forged webhook: {envelope}"

    def test_a_stale_webhook_is_refused(self) -> None:
        if self.stale_after is None:
            raise unittest.SkipTest("no `stale_after`: the signature covers no time")
        envelope = self._signed()
        for late in (self.stale_after + timedelta(seconds=2), -self.stale_after - timedelta(seconds=2)):
            admission = self.channel.admit(envelope, self.NOW + late, Keys())
            assert not isinstance(admission, Accept), f"accepted a webhook that is {late} old"

    def test_secrets_rotate(self) -> None:
        name, envelope = self.channel.webhook_secret, self._signed()
        old = getattr(self.channel.account, name or "", None)
        if name is None or not isinstance(old, tuple):
            raise unittest.SkipTest("no `webhook_secret` that holds several secrets")
        both = self._with_secrets(name, (SecretStr("the-next-secret"), *cast(tuple[SecretStr, ...], old)))
        after = self._with_secrets(name, (SecretStr("the-next-secret"),))
        assert isinstance(both.admit(envelope, self.NOW, Keys()), Accept), "the old secret stopped while it rotates"
        assert not isinstance(after.admit(envelope, self.NOW, Keys()), Accept), "a removed secret still verifies"

    def test_only_keys_are_kept_for_a_time(self) -> None:
        for name, caps in self.channel.surfaces.items():
            assert caps.key_kept is None or caps.repeat is Repeat.KEYED, f"{name}: `key_kept` without keyed sends"

    # -- parsing

    def test_recorded_payloads_become_the_expected_events(self) -> None:
        self._check(self._inbound(case) for case in self._cases("inbound"))

    def test_a_redelivery_has_the_same_keys(self) -> None:
        for case in self._cases("inbound"):
            envelope = recorded.envelope_of(case)
            later = replace(envelope, received_at=envelope.received_at + timedelta(hours=3))
            keys = [_key(event) for event in self.channel.parse(envelope)]
            again = [_key(event) for event in self.channel.parse(later)]
            assert keys == again, f"{case.name}: keys of a redelivery differ: {keys}, {again}"
            assert len(set(keys)) == len(keys), f"{case.name}: two events of one envelope share a key: {keys}"

    def test_parsing_is_pure_and_order_does_not_matter(self) -> None:
        before = dict(vars(self.channel))
        envelopes = [recorded.envelope_of(case) for case in self._cases("inbound")]
        forward = [list(self.channel.parse(one)) for one in envelopes]
        backward = [list(self.channel.parse(one)) for one in reversed(envelopes)]
        assert forward == backward[::-1], "the events of an envelope depend on what was parsed before it"
        assert dict(vars(self.channel)) == before, "parse changed the channel"

    def test_what_we_said_is_not_received(self) -> None:
        for case in self._cases("inbound"):
            events = self.channel.parse(recorded.envelope_of(case))
            received = [event for event in events if isinstance(event, MessageReceived)]
            echoed = {event.message_id for event in events if isinstance(event, MessageEchoed)}
            ours = [e for e in received if e.sender in self.own_addresses or (e.message_id or e.dedupe) in echoed]
            assert not ours, f"{case.name}: our own message came back as a customer's: {ours}"

    def test_damaged_payloads_never_raise(self) -> None:
        chance = random.Random(self.seed)  # noqa: S311 - repeatable, not secret
        for case in self._cases("inbound"):
            envelope = recorded.envelope_of(case)
            for _ in range(self.mutations):
                self._survives(replace(envelope, content=mutate(envelope.content, chance)), case.name)

    # -- sending

    def test_recorded_sends_are_as_expected(self) -> None:
        self._check(self._outbound(case) for case in self._cases("outbound"))

    def test_requests_hold_no_secret(self) -> None:
        secrets = _secrets(self.channel.account)
        for case in self._cases("outbound"):
            shown = repr(self._replay(case)[0])
            assert not [s for s in secrets if s in shown], f"{case.name}: a request holds a secret before `sign`"

    def test_text_at_the_limit_is_sent_whole(self) -> None:
        self._check(self._limit(name, caps) for name, caps in self.channel.surfaces.items() if caps.text_limit)

    # -- errors

    def test_recorded_errors_are_judged_as_expected(self) -> None:
        self._check(self._error(case) for case in self._cases("errors"))

    def test_every_error_rule_is_reached_by_a_recorded_answer(self) -> None:
        rules = self.channel.errors.rules
        if not rules:
            raise unittest.SkipTest("the error table has no rules of its own")
        reached: set[int] = set()
        for case in self._cases("errors"):
            facts = self._facts(case)
            hits = (i for i, rule in enumerate(rules) if facts is not None and rule.matches(facts))
            reached |= set(list(hits)[:1])
        missed = [str(rule) for index, rule in enumerate(rules) if index not in reached]
        assert not missed, "no recorded answer reaches:\n" + "\n".join(missed)

    # -- what is declared

    def test_methods_are_overridden_if_and_only_if_declared(self) -> None:
        self._check(self._declared(name, features) for name, features in FEATURE_METHODS.items())
        linked = self.channel.link_capacity is not None
        assert linked == self._overrides("link"), "`link_capacity` is set if and only if `link` is overridden"
        if self.channel.webhook_secret is not None:
            known = self.channel.account_type.model_fields
            assert self.channel.webhook_secret in known, f"the account has no {self.channel.webhook_secret!r}"
            assert self._overrides("admit"), "`webhook_secret` without `admit`"
        if self._overrides("answer"):
            assert self._overrides("admit"), "`answer` without `admit`"
        if self._overrides("locate"):
            assert any(caps.media or caps.supports("attachments") for caps in self.channel.surfaces.values())

    def test_a_link_carries_its_reference(self) -> None:
        capacity = self.channel.link_capacity
        if capacity is None:
            raise unittest.SkipTest("no `link_capacity`: nothing links here")
        ref = "4927750163" if capacity.alphabet == "digits" else "a7k2qx9p4m"
        found = self.channel.link(ref, "Bonjour")
        if found is not None and found.carries:
            assert ref in unquote_plus(found.url).lower(), f"{found.url} does not carry {ref}"

    def test_a_reply_token_goes_out(self) -> None:
        if not self.channel.reply_tokens:
            raise unittest.SkipTest("no `reply_tokens`: answers bring none back")
        for surface in self.channel.surfaces:
            part = replace(self.part(surface, "Bonjour"), context={"reply_token": BACK})
            assert BACK in self._requests(part), f"{surface}: the reply token is in no request"

    # -- how

    def _check(self, problems: Iterable[list[str]]) -> None:
        told = [one for some in problems for one in some]
        assert not told, "\n" + "\n".join(told)

    def _overrides(self, method: str) -> bool:
        return getattr(type(self.channel), method) is not getattr(Channel, method)

    def _signed(self) -> Envelope:
        if not self._overrides("admit"):
            raise unittest.SkipTest("the channel takes no webhooks")
        envelope = self.signed(self.body)
        if envelope is None:
            raise unittest.SkipTest("override `signed` to check signatures")
        return envelope

    def _with_secrets(self, name: str, secrets: tuple[SecretStr, ...]) -> Channel[Any]:
        return type(self.channel)(self.channel.account.model_copy(update={name: secrets}))

    def _cases(self, kind: str) -> Sequence[recorded.Case]:
        folder = Path(inspect.getfile(type(self))).parent / self.fixtures / kind
        found = list(recorded.cases(folder))
        if not found:
            raise unittest.SkipTest(f"no cases in {self.fixtures}/{kind}")
        return found

    def _never_raises(self, envelope: Envelope) -> list[str]:
        try:
            self.channel.admit(envelope, self.NOW, Keys())
        except Exception as error:
            return [f"admit raised {error!r} for the headers {dict(envelope.headers)}"]
        return []

    def _survives(self, envelope: Envelope, name: str) -> None:
        try:
            events = list(self.channel.parse(envelope))
        except Exception as error:
            raise AssertionError(f"{name}: parse raised {error!r} for {envelope.content!r}") from error
        for event in events:
            assert event.occurred_at.tzinfo is not None, f"{name}: naive time in {event}"
            assert event.dedupe or isinstance(event, Unrecognized), f"{name}: no key in {event}"
            CHANNEL_EVENT.dump_json(event)

    def _inbound(self, case: recorded.Case) -> list[str]:
        events = list(self.channel.parse(recorded.envelope_of(case)))
        found = recorded.differences(list(case.data["events"]), events)
        media = [one for event in events for one in getattr(event, "attachments", ())]
        if any(one.ref.startswith("platform:") for one in media) and not self._overrides("locate"):
            found.append(": media at the platform, and no `locate` to fetch it")
        return [f"{case.name}: events{one}" for one in found]

    def _replay(self, case: recorded.Case) -> tuple[list[Wire], Any]:
        exchange = case.data.get("exchange", ())
        answers = [recorded.answer_of(recorded.first_of(one, "answer", "response"), case.folder) for one in exchange]
        call: Callable[..., Flow[Any]] = getattr(self.channel, case.data.get("call", "send"))
        return drive(call(*case.data.get("args", ()), recorded.part_of(case), **case.data.get("options", {})), answers)

    def _outbound(self, case: recorded.Case) -> list[str]:
        requests, result = self._replay(case)
        if self._replay(case) != (requests, result):
            return [f"{case.name}: the same part made other requests the second time"]
        problems: list[str] = []
        for index, (item, request) in enumerate(zip(case.data.get("exchange", ()), requests, strict=True)):
            expected = recorded.first_of(item, "request", "expect", "expected")
            facts = recorded.request_facts(request)
            problems += recorded.differences(expected, facts, f"{case.name}: request[{index}]")
        wanted = recorded.first_of(case.data, "receipt", "failure", "result")
        if ("failure" in case.data) != isinstance(result, Failure):
            return [*problems, f"{case.name}: expected {wanted}, found {result}"]
        where = f"{case.name}: result"
        return problems if wanted is None else [*problems, *recorded.differences(wanted, result, where)]

    def _facts(self, case: recorded.Case) -> ErrorFacts | None:
        given = case.data.get("facts")
        if given is not None:
            return recorded.facts_of(given)
        answer = recorded.answer_of(case.data["answer"], case.folder)
        if isinstance(answer, HttpResponse):
            return self.channel.errors.read(answer)
        return smtp_facts(answer) if isinstance(answer, SmtpReply) else None

    def _error(self, case: recorded.Case) -> list[str]:
        facts = self._facts(case)
        found = None if facts is None else self.channel.errors.classify(facts)
        expected = case.data["failure"]
        if (expected is None) != (found is None):
            return [f"{case.name}: expected {expected}, found {found}"]
        return recorded.differences(expected, found, f"{case.name}: failure")

    def _limit(self, surface: str, caps: Capabilities) -> list[str]:
        if caps.text_limit > LONGEST_TEXT:
            return []
        whole, over = "q" * caps.text_limit, "q" * (caps.text_limit + 1)
        at, above = fit(Text(whole), caps).parts, fit(Text(over), caps).parts
        problems = [] if len(at) == 1 else [f"{surface}: text of {caps.text_limit} was cut"]
        sizes = [measure(one.text, caps.text_unit) for one in above if isinstance(one, Text)]
        if len(above) < 2 or max(sizes, default=0) > caps.text_limit:
            problems.append(f"{surface}: text of {caps.text_limit + 1} became parts of {sizes}")
        sent, little = self._sent(surface, whole), self._sent(surface, "q")
        if sent.count("q") - little.count("q") != caps.text_limit - 1:
            problems.append(f"{surface}: a text of {caps.text_limit} is not in the requests: {sent[:300]}")
        return problems

    def _sent(self, surface: str, text: str) -> str:
        return self._requests(self.part(surface, text))

    def _requests(self, part: Part) -> str:
        """The requests of a send, as they print, as far as `answer` leads."""
        flow = self.channel.send(part)
        requests: list[Wire] = []
        try:
            request = next(flow)
            while len(requests) < 8:
                requests.append(request)
                request = flow.send(self.answer(request))
        except (StopIteration, Rejected):
            pass
        flow.close()
        return "".join(map(repr, requests))

    def _declared(self, method: str, features: tuple[Feature, ...]) -> list[str]:
        surfaces = self.channel.surfaces.values()
        declared = any(caps.supports(name) is not Support.NONE for caps in surfaces for name in features)
        if declared == self._overrides(method):
            return []
        return [f"`{method}` is {'not ' if declared else ''}overridden, but {features} are declared: {declared}"]


def _key(event: ChannelEvent) -> tuple[str, str, str]:
    return (event.account, event.kind, event.dedupe)


def _secrets(account: Account) -> list[str]:
    values: list[object] = [getattr(account, name) for name in type(account).model_fields]
    flat = [one for value in values for one in (value if recorded.is_list(value) else (value,))]
    return [text for one in flat if isinstance(one, SecretStr) and len(text := one.get_secret_value()) >= 6]
