"""A Page as simulated Messenger knows it, and how its webhooks and messages look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from omnichannel.testing.simulators.base import Seen, SeenChoice, SimFile

__all__ = ["FIELDS", "OUR_APP", "PAGE_INBOX", "File", "Page", "Template", "ms", "payload_of", "shown"]

PAGE_INBOX = "263902037430900"
"""The app id of the Page's own inbox."""
OUR_APP = "1517776481860111"
FIELDS = frozenset(
    {
        "messages",
        "message_echoes",
        "message_deliveries",
        "message_reads",
        "message_edits",
        "message_reactions",
        "messaging_postbacks",
        "messaging_referrals",
        "messaging_optins",
        "messaging_handovers",
        "messaging_policy_enforcement",
        "message_template_status_update",
        "response_feedback",
        "standby",
    }
)
"""What a Page's events are subscribed to by."""
_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """An approved utility template: its languages, the variables of its body, and its buttons in order."""

    languages: frozenset[str]
    body: int = 0
    buttons: tuple[str, ...] = ()
    status: str = "APPROVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file at the platform: an upload of ours, or what a customer sent."""

    file: SimFile
    kind: str
    page_id: str


@dataclass(slots=True, kw_only=True)
class Page:
    """A Page. `trouble` is the error (code and subcode) that every send gets; `threads` are the people who have one,
    `owners` the apps that hold a thread, where that is not ours."""

    account_id: str
    page_id: str
    name: str
    token: str
    app_secret: str
    verify_token: str
    human_agent: bool
    get_started: bool
    subscribed: set[str] = field(default_factory=lambda: set(FIELDS))
    trouble: tuple[int, int | None] | None = None
    templates: dict[str, Template] = field(default_factory=dict[str, Template])
    last_in: dict[str, datetime] = field(default_factory=dict[str, datetime])
    threads: set[str] = field(default_factory=set[str])
    owners: dict[str, str] = field(default_factory=dict[str, str])
    banned: set[str] = field(default_factory=set[str])
    recent: dict[str, list[datetime]] = field(default_factory=dict[str, list[datetime]])

    @classmethod
    def of(cls, account: Any) -> Page:
        """What the platform knows of an account of ours, whose class it does not."""
        secrets: tuple[SecretStr, ...] = account.app_secret
        return cls(
            account_id=account.id,
            page_id=account.page_id,
            name=account.page_name or account.page_id,
            token=account.token.get_secret_value(),
            app_secret=secrets[0].get_secret_value(),
            verify_token=account.verify_token.get_secret_value(),
            human_agent=account.human_agent,
            get_started=account.get_started,
            templates={spec.name or name: _template(spec) for name, spec in account.templates.items()},
        )

    def takes(self, kind: str, now: datetime) -> bool:
        """300 calls a second, and 10 of audio and video."""
        heavy = kind in ("audio", "video")
        recent = [at for at in self.recent.get("heavy" if heavy else "light", ()) if now - at < timedelta(seconds=1)]
        if len(recent) >= (10 if heavy else 300):
            return False
        self.recent["heavy" if heavy else "light"] = [*recent, now]
        return True

    def is_open(self, handle: str, now: datetime, length: timedelta) -> bool:
        """Whether a customer did something so short a time ago."""
        last = self.last_in.get(handle)
        return last is not None and now - last <= length


def _template(spec: Any) -> Template:
    ordered = sorted(spec.buttons, key=lambda one: one.index)
    kinds = tuple("URL" if one.kind == "url" else "POSTBACK" for one in ordered)
    return Template(languages=frozenset(spec.languages.values()), body=len(spec.body), buttons=kinds)


def ms(at: datetime) -> int:
    """A time as Messenger writes it."""
    return int(at.timestamp() * 1000)


def payload_of(page: Page, at: datetime, **lists: list[Mapping[str, Any]]) -> dict[str, Any]:
    """The whole payload: `messaging`, `standby` or `changes`."""
    return {"object": "page", "entry": [{"id": page.page_id, "time": ms(at), **lists}]}


def shown(page: Page, message: Mapping[str, Any], message_id: str, at: datetime, reply_to: str | None) -> Seen:
    """The message on the phone."""
    attachment: Mapping[str, Any] = message.get("attachment", {})
    payload: Mapping[str, Any] = attachment.get("payload", {})
    text = str(message.get("text") or payload.get("text") or "")
    if "template" in message:
        text = " ".join([message["template"]["name"], *_filled(message["template"])])
    buttons: list[Mapping[str, Any]] = list(payload.get("buttons", ()))
    choices = [SeenChoice(one["title"], one["payload"]) for one in buttons if one["type"] == "postback"]
    choices += [SeenChoice(one["title"], one["payload"]) for one in message.get("quick_replies", ())]
    media = payload.get("url") or payload.get("attachment_id")
    return Seen(
        at=at,
        text=text,
        message_id=message_id,
        account_id=page.account_id,
        choices=tuple(choices),
        links=(*(one["url"] for one in buttons if one["type"] == "web_url"), *_LINK.findall(text)),
        media=(str(media),) if media else (),
        reply_to=reply_to,
    )


def _filled(template: Mapping[str, Any]) -> list[str]:
    return [str(one.get("text", "")) for part in template.get("components", ()) for one in part["parameters"]]
