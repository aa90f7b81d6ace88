"""What simulated Twilio knows: accounts, numbers, Messaging Services, messages and their files, in its own shapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from omnichannel.testing.simulators.base import SimFile

__all__ = ["API", "Account", "File", "Line", "Message", "Service", "Step", "media_shape", "paged", "when"]

API = "/2010-04-01"
QUEUE = timedelta(hours=10)
"""How long messages wait at most for their sender: https://help.twilio.com/articles/115002943027"""
TRIAL = "Sent from your Twilio trial account - "


def when(at: datetime | None) -> str | None:
    """A time as the API writes it (RFC 2822)."""
    return None if at is None else format_datetime(at)


@dataclass(slots=True, kw_only=True)
class Account:
    """An account at Twilio. `tokens` are the primary and, while it rotates, the secondary; the primary signs."""

    sid: str
    tokens: list[str]
    keys: dict[str, str] = field(default_factory=dict[str, str])
    status: str = "active"
    kind: str = "Full"
    balance: str = "20.00"
    verified: set[str] = field(default_factory=set[str])
    countries: set[str] | None = None
    """Where messages may go (geographic permissions); None: everywhere."""
    calls: list[datetime] = field(default_factory=list[datetime])
    created_at: datetime
    discontinued: bool = False

    def shape(self) -> dict[str, Any]:
        """The resource."""
        made = when(self.created_at)
        return {
            "auth_token": self.tokens[0],
            "date_created": made,
            "date_updated": made,
            "friendly_name": "Desk",
            "owner_account_sid": self.sid,
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": {"messages": f"{API}/Accounts/{self.sid}/Messages.json"},
            "type": self.kind,
            "uri": f"{API}/Accounts/{self.sid}.json",
        }


@dataclass(slots=True, kw_only=True)
class Line:
    """A sender: a number, a short code or a name. `free_at` is when its queue is empty again."""

    sid: str
    number: str
    account_sid: str
    account_id: str
    rate: int
    sms: bool = True
    mms: bool = False
    free_at: datetime
    webhook: bool = True

    def wait(self, now: datetime, segments: int) -> timedelta:
        """How long the next message waits in the queue."""
        return max(self.free_at - now, timedelta(0)) + timedelta(seconds=(segments - 1) / self.rate)

    def take(self, now: datetime, segments: int) -> datetime:
        """Queues a message; gives when it goes out."""
        began = max(self.free_at, now)
        self.free_at = began + timedelta(seconds=segments / self.rate)
        return began

    def shape(self, url: str | None) -> dict[str, Any]:
        """The resource of a number that was bought."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "friendly_name": self.number,
            "phone_number": self.number,
            "capabilities": {"voice": True, "sms": self.sms, "mms": self.mms, "fax": False},
            "sms_url": url or "",
            "sms_method": "POST",
            "sms_fallback_url": "",
            "sms_fallback_method": "POST",
            "status_callback": "",
            "status_callback_method": "POST",
            "address_requirements": "none",
            "api_version": "2010-04-01",
            "beta": False,
            "origin": "twilio",
            "status": "in-use",
            "date_created": None,
            "date_updated": None,
            "uri": f"{API}/Accounts/{self.account_sid}/IncomingPhoneNumbers/{self.sid}.json",
        }


@dataclass(slots=True, kw_only=True)
class Service:
    """A Messaging Service: a pool of senders, one of which stays with each customer."""

    sid: str
    account_sid: str
    account_id: str
    pool: list[str] = field(default_factory=list[str])
    sticky: dict[str, str] = field(default_factory=dict[str, str])
    advanced_opt_out: bool = False

    def choose(self, to: str) -> str | None:
        """The sender for a customer: the one they know, else the next of the pool."""
        if self.sticky.get(to) not in self.pool:
            if not self.pool:
                return None
            self.sticky[to] = self.pool[len(self.sticky) % len(self.pool)]
        return self.sticky[to]

    def shape(self, url: str | None) -> dict[str, Any]:
        """The resource of messaging.twilio.com."""
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "friendly_name": "Desk",
            "inbound_request_url": url,
            "inbound_method": "POST",
            "status_callback": None,
            "sticky_sender": True,
            "smart_encoding": False,
            "validity_period": 36000,
            "usecase": "undeclared",
            "us_app_to_person_registered": True,
            "url": f"https://messaging.twilio.com/v1/Services/{self.sid}",
            "links": {},
        }


@dataclass(frozen=True, slots=True)
class Step:
    """A status that a message has from a time on."""

    at: datetime
    status: str
    error: int | None = None
    words: str | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    """A message, in or out. Its status is a matter of time: `steps` says of which."""

    sid: str
    account_sid: str
    account_id: str
    direction: str
    sender: str | None
    to: str
    body: str
    segments: int
    created_at: datetime
    service: str | None = None
    steps: list[Step]
    media: list[str] = field(default_factory=list[str])
    sent_at: datetime | None = None
    callback: str | None = None

    def step(self, now: datetime) -> Step:
        """Where it is now."""
        return next(one for one in reversed(self.steps) if one.at <= now)

    def listed_at(self) -> datetime:
        """The time by which the list is sorted and asked for."""
        return self.sent_at or self.created_at

    def shape(self, now: datetime) -> dict[str, Any]:
        """The resource."""
        step = self.step(now)
        uri = f"{API}/Accounts/{self.account_sid}/Messages/{self.sid}"
        out = self.direction != "inbound"
        sent = self.sent_at if self.sent_at is not None and self.sent_at <= now else None
        paid = step.status in ("delivered", "received")
        return {
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": when(self.created_at),
            "date_sent": when(sent),
            "date_updated": when(step.at),
            "direction": self.direction,
            "error_code": step.error,
            "error_message": step.words,
            "from": self.sender,
            "messaging_service_sid": self.service,
            "num_media": str(len(self.media)),
            "num_segments": "0" if out and self.service and sent is None else str(self.segments),
            "price": f"-{self.segments * 0.0083:.5f}" if paid else None,
            "price_unit": "USD",
            "sid": self.sid,
            "status": step.status,
            "subresource_uris": {"media": f"{uri}/Media.json"},
            "to": self.to,
            "uri": f"{uri}.json",
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a message, kept at Twilio."""

    sid: str
    message_sid: str
    account_sid: str
    file: SimFile
    created_at: datetime


def media_shape(file: File) -> dict[str, Any]:
    """The resource of a file."""
    made = when(file.created_at)
    return {
        "account_sid": file.account_sid,
        "content_type": file.file.type,
        "date_created": made,
        "date_updated": made,
        "parent_sid": file.message_sid,
        "sid": file.sid,
        "uri": f"{API}/Accounts/{file.account_sid}/Messages/{file.message_sid}/Media/{file.sid}.json",
    }


def paged(name: str, items: Sequence[Any], path: str, query: str, page: int, size: int) -> dict[str, Any]:
    """A page of a list. `query` is what else was asked for, and stands in the links to the other pages."""
    chosen = items[page * size : (page + 1) * size]

    def uri(number: int) -> str:
        return f"{path}?{query + '&' if query else ''}PageSize={size}&Page={number}"

    return {
        "first_page_uri": uri(0),
        "end": page * size + max(len(chosen) - 1, 0),
        "previous_page_uri": uri(page - 1) if page else None,
        name: chosen,
        "uri": uri(page),
        "page_size": size,
        "start": page * size,
        "next_page_uri": uri(page + 1) if len(items) > (page + 1) * size else None,
        "page": page,
    }
