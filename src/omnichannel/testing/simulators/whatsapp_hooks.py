"""The webhooks of simulated WhatsApp: payloads in Meta's shape, signed with the app's secret."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from pydantic import SecretStr

from omnichannel.testing.simulators.base import Seen, SeenChoice, SimFile

__all__ = ["Known", "Number", "TemplateAtMeta", "change", "envelope", "shown"]

_LINK = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateAtMeta:
    """An approved template, as the platform knows it: how many variables each part has."""

    category: str
    languages: frozenset[str]
    body: int = 0
    header: str | None = None
    buttons: Mapping[int, str] = field(default_factory=dict[int, str])
    status: str = "APPROVED"


@dataclass(slots=True, kw_only=True)
class Number:
    """A business number, as the platform knows it. `trouble` is the error that every send gets."""

    account_id: str
    phone_number_id: str
    waba_id: str
    display: str
    token: str
    app_secret: str
    verify_token: str
    subscribed: bool = True
    status: str = "LINKED"
    trouble: int | None = None
    templates: dict[str, TemplateAtMeta] = field(default_factory=dict[str, TemplateAtMeta])
    last_in: dict[str, datetime] = field(default_factory=dict[str, datetime])
    no_marketing: set[str] = field(default_factory=set[str])
    blocked: set[str] = field(default_factory=set[str])
    recent: list[datetime] = field(default_factory=list[datetime])
    pairs: dict[str, float] = field(default_factory=dict[str, float])
    paired_at: dict[str, datetime] = field(default_factory=dict[str, datetime])

    @classmethod
    def of(cls, account: Any) -> Number:
        """What the platform knows of an account of ours, whose class it does not."""
        secrets: tuple[SecretStr, ...] = account.app_secret
        return cls(
            account_id=account.id,
            phone_number_id=account.phone_number_id,
            waba_id=account.waba_id,
            display="".join(filter(str.isdigit, account.display_number)),
            token=account.token.get_secret_value(),
            app_secret=secrets[0].get_secret_value(),
            verify_token=account.verify_token.get_secret_value(),
            templates={spec.name or name: _template(spec) for name, spec in account.templates.items()},
        )

    def takes_pair(self, wa_id: str, now: datetime) -> bool:
        """The limit for one user: 45 at once, and one more every 6 s."""
        gone = (now - self.paired_at.get(wa_id, now)).total_seconds()
        used = max(0.0, self.pairs.get(wa_id, 0.0) - gone / 6)
        self.paired_at[wa_id] = now
        self.pairs[wa_id] = used + 1 if used + 1 <= 45 else used
        return used + 1 <= 45

    def takes(self, now: datetime) -> bool:
        """The limit for the number: 80 messages a second."""
        self.recent = [at for at in self.recent if now - at < timedelta(seconds=1)]
        if len(self.recent) >= 80:
            return False
        self.recent.append(now)
        return True


def _template(spec: Any) -> TemplateAtMeta:
    return TemplateAtMeta(
        category=spec.category,
        languages=frozenset(spec.languages.values()),
        body=len(spec.body),
        header=spec.header_kind if spec.header is not None else None,
        buttons={one.index: one.kind for one in spec.buttons},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A file at the platform."""

    file: SimFile
    until: datetime
    account_id: str

    @property
    def sha256(self) -> str:
        """Its digest, in hex."""
        return hashlib.sha256(self.file.content).hexdigest()


def change(number: Number, field_name: str, value: Mapping[str, Any]) -> dict[str, Any]:
    """A change with the metadata of its number."""
    metadata = {"display_phone_number": number.display, "phone_number_id": number.phone_number_id}
    return {"value": {"messaging_product": "whatsapp", "metadata": metadata, **value}, "field": field_name}


def envelope(number: Number, *changes: Mapping[str, Any], time: datetime | None = None) -> dict[str, Any]:
    """The whole payload."""
    entry: dict[str, Any] = {"id": number.waba_id, "changes": list(changes)}
    if time is not None:
        entry["time"] = int(time.timestamp())
    return {"object": "whatsapp_business_account", "entry": [entry]}


def shown(number: Number, body: dict[str, Any], kind: str, message_id: str, at: datetime) -> Seen:
    """The message on the phone; `surface` says which kind of buttons it has, for `picks`."""
    content = body[kind]
    text, choices, links, media, surface = "", [], [], [], "dm"
    match kind:
        case "text":
            text = content["body"]
        case "reaction":
            text = content["emoji"]
        case "location":
            text = str(content.get("name", ""))
        case "interactive":
            text, action = content["body"]["text"], content["action"]
            replies = [one["reply"] for one in action.get("buttons", ())]
            rows = [row for section in action.get("sections", ()) for row in section["rows"]]
            choices = [SeenChoice(one["title"], one["id"]) for one in (*replies, *rows)]
            links = [action["parameters"]["url"]] if content["type"] == "cta_url" else []
            surface = "list" if rows else "dm"
        case "template":
            text, choices = _template_shown(content)
            surface = "template"
        case _:
            text, media = content.get("caption", ""), [content.get("filename") or content.get("id") or content["link"]]
    return Seen(
        at=at,
        text=text,
        message_id=message_id,
        account_id=number.account_id,
        surface=surface,
        choices=tuple(choices),
        links=(*links, *_LINK.findall(text)),
        media=tuple(media),
        reply_to=body.get("context", {}).get("message_id"),
    )


def _template_shown(template: dict[str, Any]) -> tuple[str, list[SeenChoice]]:
    words: list[str] = [template["name"]]
    choices: list[SeenChoice] = []
    for component in template.get("components", ()):
        for parameter in component["parameters"]:
            if parameter["type"] == "payload":
                choices.append(SeenChoice(parameter["payload"], parameter["payload"]))
            elif component["type"] != "button":
                words.append(str(parameter.get("text", "")))
    return " ".join(words), choices
