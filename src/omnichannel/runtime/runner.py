"""Drives flows: limit, sign, send, feed back; and decides what a failure leaves certain."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Generic, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from omnichannel.channel.base import Channel
from omnichannel.channel.capabilities import RateLimit
from omnichannel.channel.errors import Rejected, smtp_facts
from omnichannel.channel.wire import (
    Append,
    Flow,
    HttpRequest,
    HttpResponse,
    Repeat,
    SmtpMessage,
    SmtpReply,
    Token,
    Wire,
    WireAnswer,
)
from omnichannel.model.ids import IdSource
from omnichannel.model.outcome import Failure, Level, Outcome
from omnichannel.runtime.clock import Clock
from omnichannel.runtime.limits import Limiter
from omnichannel.runtime.quiet import where_raised
from omnichannel.runtime.retry import RATE_LIMITED
from omnichannel.runtime.tokens import TokenVault, refreshes
from omnichannel.runtime.transport import Appender, Mailer, MediaUnavailable, Transport, TransportError

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")
Started = Callable[[], Awaitable[None]]

LONGEST_WAIT = timedelta(days=7)
_log = logging.getLogger("omnichannel.runner")


class _Stop(Exception):
    """The flow ends here with a failure that is no answer of the platform."""

    def __init__(self, failure: Failure) -> None:
        super().__init__()
        self.failure = failure


class Runner:
    """Runs flows against the ports. Holds no state of its own; any number of flows may run at once."""

    def __init__(
        self,
        *,
        transport: Transport,
        clock: Clock,
        limiter: Limiter,
        tokens: TokenVault,
        ids: IdSource,
        mailer: Mailer | None = None,
        appender: Appender | None = None,
    ) -> None:
        self.transport = transport
        self.clock = clock
        self.limiter = limiter
        self.tokens = tokens
        self.ids = ids
        self.mailer = mailer
        self.appender = appender
        self._rates: WeakKeyDictionary[Channel[Any], tuple[RateLimit, ...]] = WeakKeyDictionary()

    async def run(
        self,
        channel: Channel[Any],
        flow: Flow[T],
        *,
        pair: str = "",
        started: Started | None = None,
        opens: Started | None = None,
        keys_end: bool = False,
    ) -> T | Failure:
        """The flow's result, or why there is none. Never waits for a limit: it says when to come back.

        `started` is awaited once, before the first UNSAFE request leaves, and `opens` before the first request of all
        where that is another one; what they raise stops the flow and comes out, with nothing sent. `pair` is the
        customer for limits that count per customer. The flow is always closed. A flow whose UNSAFE request was accepted
        is never said to have certainly failed with a RETRY. With `keys_end` a KEYED request is treated so too: the
        platform forgets its key, and the caller knows when.
        """
        return await _Run(self, channel, flow, pair, started, opens, keys_end).drive()

    async def sign(self, channel: Channel[Any], request: HttpRequest) -> HttpRequest | Failure:
        """A request with its credentials in, for what streams outside a flow."""
        token = await self.tokens.current(channel, self.refresh)
        if isinstance(token, Failure):
            return token
        return channel.sign(request, token, self.clock.now(), self.nonce())

    async def refresh(self, channel: Channel[Any], token: Token | None) -> Token | Failure:
        """Runs the channel's refresh flow once; the vault keeps the result."""
        return await _Refresh(self, channel, token).drive()

    def nonce(self) -> str:
        """128 unguessable bits in hex."""
        return f"{self.ids.token(128):032x}"

    def rates(self, channel: Channel[Any]) -> tuple[RateLimit, ...]:
        """The limits of all surfaces of a channel, each once."""
        rates = self._rates.get(channel)
        if rates is None:
            surfaces = [channel.surface(name) for name in channel.surfaces]
            rates = tuple(dict.fromkeys(rate for one in surfaces if one is not None for rate in one.rates))
            self._rates[channel] = rates
        return rates


class _Run(Generic[T]):
    """One flow on its way."""

    def __init__(
        self,
        runner: Runner,
        channel: Channel[Any],
        flow: Flow[T],
        pair: str,
        started: Started | None = None,
        opens: Started | None = None,
        keys_end: bool = False,
    ) -> None:
        self.runner = runner
        self.channel = channel
        self.flow = flow
        self.pair = pair
        self.started = started
        self.opens = opens
        self.refreshable = refreshes(channel)
        self.token: Token | None = None
        self.last: WireAnswer | None = None
        self.once = {Repeat.UNSAFE, Repeat.KEYED} if keys_end else {Repeat.UNSAFE}
        self.repeat = Repeat.SAFE
        self.unsafe_sent = False
        self.unsafe_answers: list[WireAnswer] = []

    async def drive(self) -> T | Failure:
        flow = self.flow
        try:
            wire = self._adapter(flow.__next__)
            while True:
                answer = self.last = await self._answer(wire)
                wire = self._adapter(flow.send, answer)
        except StopIteration as done:
            result: T = done.value
            return result
        except Rejected as rejected:
            return await self._rejected(rejected.failure)
        except _Stop as stop:
            return self._uncertain_after_success(stop.failure)
        except MediaUnavailable as missing:
            return self._uncertain_after_success(missing.failure)
        finally:
            flow.close()

    def _adapter(self, step: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Runs the adapter's code: what breaks there must not stop the line, and its text may quote a customer."""
        try:
            return step(*args, **kwargs)
        except (StopIteration, Rejected):
            raise
        except Exception as exc:
            _log.error("the %s adapter failed: %s", self.channel.adapter, where_raised(exc))
            failure = _adapter_failure(self.channel.adapter, exc, sent=self.unsafe_sent)
        raise _Stop(failure)

    # -- one request

    async def _answer(self, wire: Wire) -> WireAnswer:
        self._limit(wire)
        unsafe = wire.repeat in self.once
        self.repeat = wire.repeat
        request = await self._signed(wire) if isinstance(wire, HttpRequest) else wire
        if unsafe and not self.unsafe_sent:
            self.unsafe_sent = True
            if self.started is not None:
                await self.started()
        elif self.last is None and self.opens is not None:
            await self.opens()
        answer = await self._send(request)
        if self.refreshable and isinstance(wire, HttpRequest) and isinstance(answer, HttpResponse):
            failure = self._adapter(self.channel.errors.failure_of, answer)
            if failure is not None and failure.outcome is Outcome.AUTH and failure.refresh:
                answer = await self._once_more(wire)
        if unsafe:
            self.unsafe_answers.append(answer)
        return answer

    async def _once_more(self, wire: HttpRequest) -> WireAnswer:
        """The platform refused the credentials, so it did nothing: the same request again with new ones, once."""
        runner = self.runner
        self.refreshable = False
        fresh = await runner.tokens.refreshed(self.channel, self.token, runner.refresh)
        if isinstance(fresh, Failure):
            raise _Stop(fresh)
        self.token = fresh
        return await self._send(self._sign(wire))

    def _limit(self, wire: Wire) -> None:
        runner = self.runner
        cost = wire.cost if isinstance(wire, HttpRequest) else 1
        rates = runner.rates(self.channel)
        at = runner.limiter.take(self.channel.account, rates, what=wire.limit, pair=self.pair, cost=cost)
        if at is not None:
            raise _Stop(
                Failure(
                    outcome=Outcome.RETRY,
                    level=Level.ATTEMPT,
                    code=RATE_LIMITED,
                    message="our own limit for this platform",
                    not_before=at,
                )
            )

    async def _signed(self, request: HttpRequest) -> HttpRequest:
        runner = self.runner
        if self.refreshable:
            token = await runner.tokens.current(self.channel, runner.refresh)
            if isinstance(token, Failure):
                raise _Stop(token)
            self.token = token
        return self._sign(request)

    def _sign(self, request: HttpRequest) -> HttpRequest:
        runner = self.runner
        return self._adapter(self.channel.sign, request, self.token, runner.clock.now(), runner.nonce())

    async def _send(self, wire: Wire) -> WireAnswer:
        runner, account = self.runner, self.channel.account
        try:
            match wire:
                case HttpRequest():
                    return await runner.transport.send(wire, account=account.id)
                case SmtpMessage() if runner.mailer is not None:
                    return await runner.mailer.send(wire, account=account)
                case Append() if runner.appender is not None:
                    return await runner.appender.append(wire, account=account.id)
                case _:
                    raise _Stop(_no_port(wire))
        except TransportError as error:
            failure = _transport_failure(error, unsafe=wire.repeat in self.once)
        raise _Stop(failure)

    # -- what a failure leaves

    async def _rejected(self, failure: Failure) -> Failure:
        if self.repeat not in self.once and not failure.certain:
            # The platform knows the key for ever, so it may be asked again.
            failure = replace(failure, certain=True)
        if failure.outcome is Outcome.AUTH and failure.refresh:
            failure = await self._credentials(failure)
        at = self._told_to_wait(failure)
        if at is not None and failure.not_before is None:
            failure = replace(failure, not_before=at)
        if at is not None and failure.status in (429, 503):
            pair = self.pair if failure.level is Level.PAIR else ""
            self.runner.limiter.penalise(self.channel.account.id, at, pair=pair)
        return self._uncertain_after_success(failure)

    async def _credentials(self, failure: Failure) -> Failure:
        """A refusal that only the flow understood: the next try has new credentials. Where these are as new as can
        be, asking again would change nothing, and the account is held."""
        if not self.refreshable:
            return replace(failure, refresh=False)
        fresh = await self.runner.tokens.refreshed(self.channel, self.token, self.runner.refresh)
        if isinstance(fresh, Failure):
            return fresh
        return replace(failure, outcome=Outcome.RETRY, level=Level.ATTEMPT, code="token_refreshed", refresh=False)

    def _told_to_wait(self, failure: Failure) -> datetime | None:
        """When the platform wants us back, from the failure or from a `Retry-After` that is a date."""
        now = self.runner.clock.now()
        if failure.retry_after is not None:
            return now + failure.retry_after
        if failure.outcome is not Outcome.RETRY or not isinstance(self.last, HttpResponse):
            return None
        at = _http_date(self.last.headers.get("retry-after", ""))
        return None if at is None else min(max(at, now), now + LONGEST_WAIT)

    def _uncertain_after_success(self, failure: Failure) -> Failure:
        """Trying again would repeat an UNSAFE request that the platform took: then nothing is certain."""
        if failure.outcome is Outcome.RETRY and failure.certain and any(map(self._accepted, self.unsafe_answers)):
            return replace(failure, certain=False)
        return failure

    def _accepted(self, answer: WireAnswer) -> bool:
        match answer:
            case HttpResponse():
                try:
                    return self._adapter(self.channel.errors.failure_of, answer) is None
                except _Stop:
                    return True
            case SmtpReply():
                return smtp_facts(answer) is None
            case _:
                return True


class _Refresh(_Run[Token]):
    """The flow that gets a new token: signed with the old one, and not held up by the limits for messages."""

    def __init__(self, runner: Runner, channel: Channel[Any], token: Token | None) -> None:
        super().__init__(runner, channel, channel.refresh(token), "")
        self.refreshable = False
        self.token = token

    def _limit(self, wire: Wire) -> None:
        pass


def _adapter_failure(adapter: str, exc: Exception, *, sent: bool) -> Failure:
    return Failure(
        outcome=Outcome.RETRY if sent else Outcome.INVALID,
        level=Level.ATTEMPT if sent else Level.MESSAGE,
        code="adapter_error",
        message=f"{type(exc).__name__} in the {adapter} adapter",
        recognized=False,
        certain=not sent,
    )


def _transport_failure(error: TransportError, *, unsafe: bool) -> Failure:
    blocked = error.kind == "blocked"
    return Failure(
        outcome=Outcome.INVALID if blocked else Outcome.RETRY,
        level=Level.MESSAGE if blocked else Level.ATTEMPT,
        code=f"transport_{error.kind}",
        message=str(error),
        certain=not unsafe or not error.maybe_sent,
    )


def _no_port(wire: Wire) -> Failure:
    what = "mail" if isinstance(wire, SmtpMessage) else "streams of our own"
    return Failure(
        outcome=Outcome.INVALID, level=Level.CHANNEL, code="no_port", message=f"nothing here can carry {what}"
    )


def _http_date(value: str) -> datetime | None:
    # https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
