"""The Channel interface. An adapter is pure: no IO, no clock, no randomness, no state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeAlias, TypeVar, cast, final, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue, SecretStr

from omnichannel.channel.capabilities import Capabilities, Lifecycle, LinkCapacity, PriceFact
from omnichannel.channel.errors import ErrorTable, Rejected, unreadable, unsupported
from omnichannel.channel.session import Session
from omnichannel.channel.wire import (
    OK,
    Admission,
    Batch,
    Envelope,
    Flow,
    HttpReply,
    HttpRequest,
    HttpResponse,
    Keys,
    Link,
    Listen,
    Refuse,
    Repeat,
    Token,
)
from omnichannel.model.content import Media
from omnichannel.model.event import ChannelEvent
from omnichannel.model.message import Part, Receipt
from omnichannel.model.outcome import Failure


def _one_or_many(value: object) -> object:
    return (value,) if isinstance(value, str | SecretStr) else value


Secrets: TypeAlias = Annotated[tuple[SecretStr, ...], BeforeValidator(_one_or_many)]
"""One secret, or several while a key rotates: any of them verifies, the first one signs."""


SourceKind: TypeAlias = Literal["session", "listen", "poll"]


class Account(BaseModel):
    """Our sending identity on a channel. `id` is the user's word: in rows and URLs, never renamed (`label` may).

    Secrets are `SecretStr` fields whose values may be `env:NAME` or `file:/path`: they are read when the hub opens.
    `endpoint` names the URL, secrets and handshake that several accounts of one platform app share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    adapter: ClassVar[str] = ""
    channel: ClassVar[str] = ""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")
    brand: str = "default"
    label: str = ""
    endpoint: str | None = None
    tier: str | None = None
    allow_unsigned: bool = False
    sources: tuple[SourceKind, ...] | None = None
    """What is read besides webhooks, of what the adapter can (`listen`, `poll`, `session`); None is its default."""


AccountT = TypeVar("AccountT", bound=Account)


class Channel(ABC, Generic[AccountT]):
    """One immutable instance per account. Subclasses declare what they are and override what they can.

    A method is overridden if and only if its capability is declared; `ChannelContract` checks that.
    """

    adapter: ClassVar[str]
    channel: ClassVar[str]
    surfaces: ClassVar[Mapping[str, Capabilities]]
    errors: ClassVar[ErrorTable] = ErrorTable()
    lifecycle: ClassVar[Lifecycle] = Lifecycle()
    prices: ClassVar[Sequence[PriceFact]] = ()
    link_capacity: ClassVar[LinkCapacity | None] = None
    account_type: ClassVar[type[Account]] = Account
    body_limit: ClassVar[int] = 1_048_576
    vendor: ClassVar[str] = ""
    default_sources: ClassVar[tuple[SourceKind, ...]] = ("session",)
    """What is read without being asked for: streams and polls may cost money, and webhooks bring the same."""
    webhook_secret: ClassVar[str | None] = None
    """The account field without which no webhook can be verified: the hub refuses to start while it is empty."""
    webhook_url: ClassVar[str | None] = None
    """The account field for the URL of our own webhooks, where the platform is told it with each send: the hub fills
    it in where it is empty."""

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        for base in getattr(cls, "__orig_bases__", ()):
            (account_type,) = get_args(base) or (None,)
            if isinstance(account_type, type) and issubclass(account_type, Account):
                cls.account_type = account_type
                if not account_type.adapter and "adapter" in cls.__dict__:
                    account_type.adapter, account_type.channel = cls.adapter, cls.channel

    def __init__(self, account: AccountT, accounts: Sequence[AccountT] = ()) -> None:
        """`accounts` are all that stand behind the same endpoint, `account` among them."""
        self.account = account
        self.accounts: tuple[AccountT, ...] = tuple(accounts) or (account,)

    @classmethod
    def serving(cls, account: Account) -> type[Channel[Any]]:
        """The class for an account: an adapter that serves several channels has one for each, else it is this one."""
        return cls

    def surface(self, name: str) -> Capabilities | None:
        """The surface's capabilities for this account, which may narrow what the class declares, never widen it."""
        return self.surfaces.get(name)

    @property
    def reply_tokens(self) -> bool:
        """Whether an answer brings `Part.context["reply_token"]` back, as `MessageReceived.reference`."""
        return False

    # -- inbound

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """Whether a webhook is the platform's: signature over the raw bytes, age, handshake. Never raises."""
        return Refuse(f"{self.adapter} takes no webhooks", status=404)

    @abstractmethod
    def parse(self, envelope: Envelope) -> Sequence[ChannelEvent]:
        """The events in an envelope: the same for the same bytes, for ever. One bad item never spoils the rest;
        what is not understood becomes `Unrecognized`."""

    def answer(self, envelope: Envelope, parts: Sequence[Part]) -> HttpReply:
        """Parts rendered into the webhook's response, for adapters that accept with `within`; overridden by them alone.

        At least one part, at most `Accept.room`, all of one message of ours. Raises where one cannot be said in this
        response: then none of them is in it, and all are sent by `send`."""
        return OK

    # -- outbound

    @abstractmethod
    def send(self, part: Part) -> Flow[Receipt]:
        """Sends one part. Raises `Rejected` inside the flow where the platform refuses."""

    def edit(self, message_id: str, part: Part) -> Flow[Receipt]:
        """Replaces the text of a message of ours."""
        return unsupported("edit messages", self.adapter)

    def delete(self, message_id: str, part: Part) -> Flow[None]:
        """Takes back a message of ours; `part` says where it stands."""
        return unsupported("take messages back", self.adapter)

    def react(self, message_id: str, part: Part, emoji: str | None) -> Flow[None]:
        """Puts an emoji on a message; None takes it away."""
        return unsupported("react", self.adapter)

    def mark_read(self, message_id: str, part: Part, *, typing: bool = False) -> Flow[None]:
        """Tells the customer that the message was read, and that we are writing where `typing`."""
        return unsupported("mark messages read", self.adapter)

    # -- credentials and health

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """Completes the URL and puts the secrets in: the only place where they enter."""
        return request

    def refresh(self, token: Token | None) -> Flow[Token]:
        """A new token for an expired one."""
        return unsupported("refresh credentials", self.adapter)

    def probe(self) -> Flow[Failure | None]:
        """Asks the platform whether this account works; None if it does. Costs the customer nothing."""
        return unsupported("probe its account", self.adapter)

    # -- fetching

    def poll(self, cursor: str | None) -> Flow[Batch]:
        """What is newer than the cursor."""
        return unsupported("poll", self.adapter)

    def listen(self, cursor: str | None) -> Listen | None:
        """The stream to read, or None."""
        return None

    def session(self, cursor: str | None) -> Session | None:
        """The protocol of a two-way connection, or None."""
        return None

    def locate(self, media: Media) -> Flow[HttpRequest]:
        """The request that streams the bytes of a `platform:` reference (it may need one to find the other)."""
        return unsupported("fetch media", self.adapter)

    # -- links

    def link(self, ref: str, text: str) -> Link | None:
        """The deep link that brings a customer here, carrying `ref`; None where there is none."""
        return None

    # -- helpers for flows

    @final
    def http(self, request: HttpRequest) -> Flow[HttpResponse]:
        """Sends a request and gives the response, whatever it says."""
        answer = yield request
        return cast(HttpResponse, answer)

    @final
    def call(self, request: HttpRequest) -> Flow[Any]:
        """Sends a request and gives its JSON. Raises `Rejected` for what the error table calls an error, and, as
        uncertain unless the request is SAFE, for a 2xx that cannot be read. Whether a key makes that harmless is for
        the runner to say, because keys end (`Capabilities.key_kept`)."""
        response = yield from self.http(request)
        failure = self.errors.failure_of(response)
        if failure is not None:
            raise _rejected(failure, request)
        data: JsonValue = response.json()
        if data is None and response.content.strip() not in (b"", b"null"):
            raise unreadable(response, certain=request.repeat is Repeat.SAFE)
        return data

    @final
    def require(self, data: Any, *path: str | int) -> str:
        """The string at `path` of an answer to an UNSAFE request; `Rejected` as uncertain where it is missing."""
        found = data
        for step in path:
            try:
                found = found[step]
            except (KeyError, IndexError, TypeError):
                where = ".".join(map(str, path))
                raise unreadable(HttpResponse(200), certain=False, why=f"answer has no {where}") from None
        return str(found)


def _rejected(failure: Failure, request: HttpRequest) -> Rejected:
    certain = failure.certain or request.repeat is Repeat.SAFE
    return Rejected(replace(failure, certain=certain))
