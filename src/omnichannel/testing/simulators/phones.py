"""What customers have in their hands: who they are at a platform, and what its app shows them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SeenChoice:
    """A button on the customer's phone; `id` is what the platform sends back when it is tapped."""

    title: str
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A message on the customer's phone, as the app shows it. `links` are button URLs and those in the text."""

    at: datetime
    text: str
    message_id: str
    account_id: str = ""
    surface: str = "dm"
    choices: tuple[SeenChoice, ...] = ()
    links: tuple[str, ...] = ()
    media: tuple[str, ...] = ()
    reply_to: str | None = None


@dataclass(slots=True, kw_only=True)
class SimCustomer:
    """A person with an account at the platform. `ids` are the platform's own ids and names of them, by kind."""

    name: str
    handle: str
    language: str = "en"
    country: str | None = None
    ids: dict[str, str] = field(default_factory=dict[str, str])
    blocked: bool = False
    last_wrote_at: datetime | None = None
