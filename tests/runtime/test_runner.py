"""Flows through the runner: what is certain after each fault, what is refreshed, and that limits never wait."""

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from inspect import GEN_CLOSED, getgeneratorstate

import pytest

from omnichannel.channel import (
    Account,
    Append,
    Appended,
    ErrorFacts,
    ErrorTable,
    Flow,
    HttpRequest,
    HttpResponse,
    Receipt,
    Rejected,
    Repeat,
    SmtpMessage,
    SmtpReply,
    Token,
)
from omnichannel.model.exceptions import StoreError
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.retry import RATE_LIMITED
from omnichannel.runtime.tokens import StoredToken
from omnichannel.runtime.transport import MediaUnavailable, TransportError, TransportKind
from omnichannel.testing.clock import START, FakeClock
from tests.runtime.fakes import PART, FakeTransport, MemoryRows, PlainChannel, RefreshingChannel, make_runner, ok, plain

ASK = HttpRequest(method="GET", url="https://api.example/look", repeat=Repeat.SAFE)
DO = HttpRequest(method="POST", url="https://api.example/do")
KEYED = replace(DO, repeat=Repeat.KEYED)


def flow_of(*requests: HttpRequest) -> Flow[list[int]]:
    """Sends these, whatever comes back."""
    found: list[int] = []
    for request in requests:
        answer = yield request
        assert isinstance(answer, HttpResponse)
        found.append(answer.status)
    return found


async def test_a_send_is_signed_and_gives_its_receipt() -> None:
    transport = FakeTransport([ok()])
    result = await make_runner(transport, FakeClock()).run(plain(), plain().send(PART))
    assert result == Receipt(("m1",))
    assert transport.sent[0].headers == {"authorization": "Bearer t-secret"}


async def test_a_refusal_is_a_value() -> None:
    transport = FakeTransport([HttpResponse(400, {}, b"no such user")])
    result = await make_runner(transport, FakeClock()).run(plain(), plain().send(PART))
    assert isinstance(result, Failure)
    assert (result.outcome, result.certain, result.status) == (Outcome.INVALID, True, 400)


KINDS: list[TransportKind] = ["refused", "dns", "tls", "timeout", "reset", "protocol", "too_large"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("maybe_sent", [True, False])
@pytest.mark.parametrize("request_", [ASK, KEYED, DO], ids=["safe", "keyed", "unsafe"])
async def test_only_an_unrepeatable_request_that_may_have_left_is_uncertain(
    kind: TransportKind, maybe_sent: bool, request_: HttpRequest
) -> None:
    transport = FakeTransport([TransportError(kind, maybe_sent=maybe_sent)])
    result = await make_runner(transport, FakeClock()).run(plain(), flow_of(request_))
    assert isinstance(result, Failure)
    assert (result.outcome, result.level, result.code) == (Outcome.RETRY, Level.ATTEMPT, f"transport_{kind}")
    assert result.certain is not (maybe_sent and request_ is DO)


@pytest.mark.parametrize(("keys_end", "certain"), [(True, False), (False, True)])
@pytest.mark.parametrize(
    "answer",
    [TransportError("timeout", maybe_sent=True), HttpResponse(502), HttpResponse(200, {}, b"<html>")],
    ids=["timeout", "5xx", "unreadable"],
)
async def test_a_key_that_ends_leaves_a_doubt(
    answer: HttpResponse | TransportError, keys_end: bool, certain: bool
) -> None:
    async def started() -> None:
        begun.append(len(transport.sent))

    begun: list[int] = []
    transport, channel = FakeTransport([answer]), plain()
    runner = make_runner(transport, FakeClock())
    result = await runner.run(channel, channel.call(KEYED), started=started, keys_end=keys_end)
    assert isinstance(result, Failure)
    assert (result.outcome, result.certain) == (Outcome.RETRY, certain)
    # What leaves a doubt is written before it leaves.
    assert begun == ([0] if keys_end else [])


async def test_a_blocked_address_is_not_tried_again() -> None:
    transport = FakeTransport([TransportError("blocked", maybe_sent=False)])
    result = await make_runner(transport, FakeClock()).run(plain(), flow_of(ASK))
    assert isinstance(result, Failure)
    assert (result.outcome, result.certain) == (Outcome.INVALID, True)


@pytest.mark.parametrize(
    ("content", "certain"), [(b"<html>", False), (b'{"other": 1}', False), (b"", False)], ids=["html", "no id", "empty"]
)
async def test_a_bad_answer_to_an_accepted_request_stays_uncertain(content: bytes, certain: bool) -> None:
    transport = FakeTransport([HttpResponse(200, {}, content)])
    result = await make_runner(transport, FakeClock()).run(plain(), plain().send(PART))
    assert isinstance(result, Failure)
    assert (result.outcome, result.certain) == (Outcome.RETRY, certain)


@pytest.mark.parametrize(
    ("first", "answer", "certain"),
    [
        (DO, ok(), False),
        (DO, HttpResponse(400), True),
        (KEYED, ok(), True),
        (ASK, ok(), True),
    ],
    ids=["unsafe accepted", "unsafe refused", "keyed accepted", "safe"],
)
async def test_a_later_request_fails_after_the_first_one(
    first: HttpRequest, answer: HttpResponse, certain: bool
) -> None:
    # The whole flow would run again: then an accepted, unrepeatable first request would be repeated.
    transport = FakeTransport([answer, TransportError("refused", maybe_sent=False)])
    result = await make_runner(transport, FakeClock()).run(plain(), flow_of(first, ASK))
    assert isinstance(result, Failure)
    assert result.certain is certain


async def test_a_missing_file_is_its_own_failure() -> None:
    transport = FakeTransport([MediaUnavailable("gone", outcome=Outcome.RETRY)])
    result = await make_runner(transport, FakeClock()).run(plain(), flow_of(DO))
    assert isinstance(result, Failure)
    assert (result.outcome, result.code, result.certain) == (Outcome.RETRY, "media_unavailable", True)


# ---------------------------------------------------------------- started


async def test_started_comes_once_before_the_first_unsafe_request() -> None:
    transport = FakeTransport([ok(), ok(), ok(), ok()])
    sent_then: list[int] = []

    async def started() -> None:
        sent_then.append(len(transport.sent))

    result = await make_runner(transport, FakeClock()).run(plain(), flow_of(ASK, KEYED, DO, DO), started=started)
    assert (result, sent_then) == ([200, 200, 200, 200], [2])


async def test_nothing_is_sent_where_started_cannot_be_written() -> None:
    transport = FakeTransport([ok()])
    flow = flow_of(DO)

    async def started() -> None:
        raise StoreError("disk full")

    with pytest.raises(StoreError):
        await make_runner(transport, FakeClock()).run(plain(), flow, started=started)
    assert (transport.sent, getgeneratorstate(flow)) == ([], GEN_CLOSED)


# ---------------------------------------------------------------- limits


async def test_a_limit_closes_the_flow_and_says_when() -> None:
    clock = FakeClock()
    transport = FakeTransport([ok() for _ in range(9)])
    runner = make_runner(transport, clock)
    result = await runner.run(plain(), flow_of(*[KEYED] * 5))
    assert result == [200] * 5
    flow = flow_of(DO)
    refused = await runner.run(plain(), flow)
    assert isinstance(refused, Failure)
    assert (refused.outcome, refused.code, refused.certain) == (Outcome.RETRY, RATE_LIMITED, True)
    assert refused.not_before == START + timedelta(seconds=1)
    assert (len(transport.sent), getgeneratorstate(flow)) == (5, GEN_CLOSED)
    await clock.advance(timedelta(seconds=1))
    assert await runner.run(plain(), flow_of(DO)) == [200]


async def test_a_limit_in_the_middle_of_what_cannot_be_repeated_is_uncertain() -> None:
    transport = FakeTransport([ok() for _ in range(5)])
    result = await make_runner(transport, FakeClock()).run(plain(), flow_of(*[DO] * 6))
    assert isinstance(result, Failure)
    assert (result.code, result.certain) == (RATE_LIMITED, False)


async def test_pair_limits_are_per_customer() -> None:
    runner = make_runner(FakeTransport([ok(), ok()]), FakeClock())
    assert await runner.run(plain(), flow_of(DO), pair="ann") == [200]
    assert await runner.run(plain(), flow_of(DO), pair="bob") == [200]
    again = await runner.run(plain(), flow_of(DO), pair="ann")
    assert isinstance(again, Failure)
    assert again.not_before == START + timedelta(seconds=6)


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("120", timedelta(seconds=120)),
        ("Mon, 04 Jan 2027 09:02:00 GMT", timedelta(seconds=120)),
        ("Mon, 04 Jan 2027 09:02:00 -0000", timedelta(seconds=120)),
        ("Sun, 03 Jan 2027 09:02:00 GMT", timedelta(0)),
        ("Fri, 04 Jan 2030 09:02:00 GMT", timedelta(days=7)),
        ("soon", None),
        ("", None),
    ],
)
async def test_retry_after_as_seconds_or_date_holds_the_account(header: str, wait: timedelta | None) -> None:
    clock = FakeClock()
    runner = make_runner(FakeTransport([HttpResponse(429, {"retry-after": header}), ok()]), clock)
    first = await runner.run(plain(), plain().send(PART))
    assert isinstance(first, Failure)
    assert first.not_before == (None if wait is None else START + wait)
    second = await runner.run(plain(), plain().send(PART))
    held = isinstance(second, Failure) and second.code == RATE_LIMITED
    assert held is (wait is not None and wait > timedelta(0))


# ---------------------------------------------------------------- credentials

OLD = Token(value="old", refresh="r1")
NEW_TOKEN = ok('{"access": "new", "refresh": "r2"}')
DENIED = HttpResponse(401, {}, b"expired")


def bearer(request: HttpRequest) -> str:
    return request.headers["authorization"].removeprefix("Bearer ")


async def test_an_expired_token_is_refreshed_once_and_only_the_refused_request_is_repeated() -> None:
    transport = FakeTransport([ok(), DENIED, NEW_TOKEN, ok(), ok()])
    rows = MemoryRows(StoredToken(OLD, 3))
    channel = plain(RefreshingChannel)
    result = await make_runner(transport, FakeClock(), rows=rows).run(channel, flow_of(DO, DO, ASK))
    assert result == [200, 200, 200]
    assert [bearer(request) for request in transport.sent] == ["old", "old", "old", "new", "new"]
    assert rows.stored == StoredToken(Token(value="new", refresh="r2"), 4)


async def test_a_new_token_that_is_refused_too_holds_the_account() -> None:
    transport = FakeTransport([DENIED, NEW_TOKEN, DENIED])
    channel = plain(RefreshingChannel)
    result = await make_runner(transport, FakeClock(), rows=MemoryRows(StoredToken(OLD, 1))).run(
        channel, channel.send(PART)
    )
    assert isinstance(result, Failure)
    assert (result.outcome, result.level, result.refresh) == (Outcome.AUTH, Level.ACCOUNT, False)
    assert len(transport.sent) == 3


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (HttpResponse(400, {}, b"invalid_grant"), Outcome.INVALID),
        (HttpResponse(503), Outcome.RETRY),
        (TransportError("timeout", maybe_sent=True), Outcome.RETRY),
    ],
)
async def test_a_refresh_that_fails_reaches_as_far_as_the_account(
    answer: HttpResponse | TransportError, outcome: Outcome
) -> None:
    transport = FakeTransport([DENIED, answer])
    channel = plain(RefreshingChannel)
    result = await make_runner(transport, FakeClock(), rows=MemoryRows(StoredToken(OLD, 1))).run(
        channel, channel.send(PART)
    )
    assert isinstance(result, Failure)
    # Nothing was sent: the platform refused the request before the refresh was tried.
    assert (result.outcome, result.level, result.certain) == (outcome, Level.ACCOUNT, True)


async def test_a_refusal_that_only_the_flow_understands_refreshes_for_the_next_try() -> None:
    def flow() -> Flow[None]:
        yield ASK
        raise Rejected(Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT, refresh=True))

    transport = FakeTransport([ok(), NEW_TOKEN])
    rows = MemoryRows(StoredToken(OLD, 1))
    result = await make_runner(transport, FakeClock(), rows=rows).run(plain(RefreshingChannel), flow())
    assert isinstance(result, Failure)
    assert (result.outcome, result.code, result.certain) == (Outcome.RETRY, "token_refreshed", True)
    assert rows.stored is not None
    assert rows.stored.token.value == "new"


async def test_where_that_refresh_fails_its_failure_is_the_answer() -> None:
    def flow() -> Flow[None]:
        yield ASK
        raise Rejected(Failure(outcome=Outcome.AUTH, level=Level.ACCOUNT, refresh=True))

    transport = FakeTransport([ok(), HttpResponse(400, {}, b"invalid_grant")])
    result = await make_runner(transport, FakeClock(), rows=MemoryRows(StoredToken(OLD, 1))).run(
        plain(RefreshingChannel), flow()
    )
    assert isinstance(result, Failure)
    assert (result.outcome, result.level) == (Outcome.INVALID, Level.ACCOUNT)


async def test_an_error_table_that_breaks_leaves_nothing_certain() -> None:
    def read(response: HttpResponse) -> ErrorFacts | None:
        raise KeyError("a customer's words")

    class Broken(PlainChannel):
        adapter = "broken"
        errors = ErrorTable(read=read)

    transport = FakeTransport([ok(), TransportError("refused", maybe_sent=False)])
    result = await make_runner(transport, FakeClock()).run(plain(Broken), flow_of(DO, ASK))
    assert isinstance(result, Failure)
    assert (result.outcome, result.certain) == (Outcome.RETRY, False)


async def test_a_channel_without_refresh_says_so() -> None:
    result = await make_runner(FakeTransport([DENIED]), FakeClock()).run(plain(), plain().send(PART))
    assert isinstance(result, Failure)
    assert (result.outcome, result.refresh) == (Outcome.AUTH, False)


async def test_a_token_that_cannot_be_had_stops_before_anything_is_sent() -> None:
    expired = StoredToken(replace(OLD, expires_at=START), 1)
    transport = FakeTransport([HttpResponse(400)])
    channel = plain(RefreshingChannel)
    runner = make_runner(transport, FakeClock(), rows=MemoryRows(expired))
    result = await runner.run(channel, channel.send(PART))
    assert isinstance(result, Failure)
    assert [request.url for request in transport.sent] == ["https://api.example/token"]
    transport.reactions.append(HttpResponse(400))
    assert isinstance(await runner.sign(channel, ASK), Failure)
    signed = await runner.sign(plain(), ASK)
    assert isinstance(signed, HttpRequest)
    assert bearer(signed) == "t-secret"


# ---------------------------------------------------------------- other ports, and adapters that break

MAIL = SmtpMessage(sender="a@b.example", recipients=("c@d.example",), headers=(("Message-ID", "<1@b>"),), text="hi")


class FakeMailer:
    def __init__(self, reply: SmtpReply | TransportError) -> None:
        self._reply = reply

    async def send(self, message: SmtpMessage, *, account: Account) -> SmtpReply:
        if isinstance(self._reply, TransportError):
            raise self._reply
        return self._reply


class FakeAppender:
    async def append(self, message: Append, *, account: str) -> Appended:
        return Appended(7)


def mail_then_ask() -> Flow[int]:
    reply = yield MAIL
    assert isinstance(reply, SmtpReply)
    yield ASK
    return reply.code


@pytest.mark.parametrize(
    ("reply", "certain"),
    [(SmtpReply(250), False), (SmtpReply(550), True), (TransportError("reset", maybe_sent=True), False)],
)
async def test_mail_goes_through_its_port(reply: SmtpReply | TransportError, certain: bool) -> None:
    transport = FakeTransport([TransportError("refused", maybe_sent=False)])
    result = await make_runner(transport, FakeClock(), mailer=FakeMailer(reply)).run(plain(), mail_then_ask())
    assert isinstance(result, Failure)
    assert result.certain is certain


async def test_appending_goes_through_its_port() -> None:
    def flow() -> Flow[int]:
        answer = yield Append(stream="s", body={}, repeat=Repeat.UNSAFE)
        assert isinstance(answer, Appended)
        yield ASK
        return answer.seq

    transport = FakeTransport([ok(), TransportError("refused", maybe_sent=False)])
    runner = make_runner(transport, FakeClock(), appender=FakeAppender())
    assert await runner.run(plain(), flow()) == 7
    after = await runner.run(plain(), flow())
    assert isinstance(after, Failure)
    assert after.certain is False


async def test_a_port_that_is_missing_is_a_failure_not_a_crash() -> None:
    result = await make_runner(FakeTransport(), FakeClock()).run(plain(), mail_then_ask())
    assert isinstance(result, Failure)
    assert (result.outcome, result.code) == (Outcome.INVALID, "no_port")


def broken(*requests: HttpRequest) -> Flow[None]:
    for request in requests:
        _ = yield request
    raise KeyError("a customer's words")


@pytest.mark.parametrize(
    ("flow", "outcome", "certain"),
    [
        (lambda: broken(), Outcome.INVALID, True),
        (lambda: broken(ASK), Outcome.INVALID, True),
        (lambda: broken(DO), Outcome.RETRY, False),
    ],
    ids=["before", "after a safe request", "after an unsafe one"],
)
async def test_an_adapter_that_breaks_stops_neither_the_line_nor_tells_what_was_said(
    flow: Callable[[], Flow[None]], outcome: Outcome, certain: bool, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        result = await make_runner(FakeTransport([ok()]), FakeClock()).run(plain(), flow())
    assert isinstance(result, Failure)
    assert (result.outcome, result.certain, result.recognized) == (outcome, certain, False)
    assert "KeyError at" in caplog.text
    assert "customer" not in caplog.text + str(result)
