"""The customers of simulated WhatsApp: what they write, tap, change and refuse."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

from omnichannel.kit.phone import country_of
from omnichannel.testing.simulators.base import SimCustomer, SimFile
from omnichannel.testing.simulators.meta_graph import GraphSimulator, signed
from omnichannel.testing.simulators.whatsapp_hooks import Known, Number, change, envelope

__all__ = ["WhatsAppPeople"]

_KINDS = {"image": "image", "video": "video", "audio": "audio"}


class WhatsAppPeople(GraphSimulator):
    """Everybody's phone. A handle is a number in E.164; who hides it is known by a business-scoped id."""

    numbers: dict[str, Number]
    media: dict[str, Known]

    def customer(self, name: str, handle: str, *, language: str = "en", country: str | None = None) -> SimCustomer:
        """A person with WhatsApp on this number; the country is the number's unless given."""
        known = handle in self.customers
        found = super().customer(name, handle, language=language, country=country or country_of(handle))
        if not known:
            found.ids["wa_id"] = "".join(filter(str.isdigit, handle))
            found.ids["bsuid"] = self._new_bsuid(found)
        return found

    def _new_bsuid(self, person: SimCustomer) -> str:
        return f"{person.country or 'US'}.{self.random.randint(10**19, 10**20 - 1)}"

    # -- writing

    def says(
        self,
        handle: str,
        text: str,
        *,
        attachments: Sequence[SimFile] = (),
        surface: str | None = None,
        reply_to: str | None = None,
        account_id: str | None = None,
    ) -> str:
        """The customer writes; each file is a message, the first with the text as its caption. Gives the last id."""
        contents: list[dict[str, Any]] = []
        for index, file in enumerate(attachments):
            contents.append(self._file(file, text if index == 0 else "", self.account_for(handle, account_id)))
        if not contents:
            contents.append({"type": "text", "text": {"body": text}})
        sent = [self.sends(handle, one, reply_to=reply_to, account_id=account_id) for one in contents]
        return sent[-1]

    def _file(self, file: SimFile, caption: str, account_id: str) -> dict[str, Any]:
        media_id = self.new_id(start=65_000_000)
        known = Known(file=file, until=self.now() + timedelta(days=7), account_id=account_id)
        self.media[media_id] = known
        kind = _KINDS.get(file.type.partition("/")[0], "document")
        # In webhooks the digest is in base64, at the media endpoint in hex.
        digest = base64.b64encode(bytes.fromhex(known.sha256)).decode()
        body = {"id": media_id, "mime_type": file.type, "sha256": digest}
        if caption:
            body["caption"] = caption
        if kind == "document":
            body["filename"] = file.name
        return {"type": kind, kind: body}

    def sends(
        self,
        handle: str,
        content: Mapping[str, Any],
        *,
        reply_to: str | None = None,
        account_id: str | None = None,
    ) -> str:
        """Any message of the customer, in Meta's shape without id, sender and time. Gives its id.

        Raises `ValueError` for a customer who has blocked us: the app does not let them write.
        """
        person, number = self.customers[handle], self.numbers[self.account_for(handle, account_id)]
        if person.blocked:
            raise ValueError(f"{handle} has blocked us and cannot write")
        message_id = self.new_wamid(person)
        context = {"context": {"from": number.display, "id": reply_to}} if reply_to else {}
        message = {**self._from(person), "id": message_id, "timestamp": self.stamp_of(), **context, **content}
        person.last_wrote_at = number.last_in[handle] = self.now()
        if handle not in number.blocked:
            self.tell(number, "messages", {"contacts": [self.contact(person)], "messages": [message]}, handle=handle)
        return message_id

    def picks(self, handle: str, title: str) -> str:
        """The customer taps a button or a row of a list."""
        seen, choice = self.button(handle, title)
        reply = {"id": choice.id, "title": choice.title}
        match seen.surface:
            case "list":
                content: dict[str, Any] = {"type": "interactive", "interactive": _tapped("list_reply", reply)}
            case "template":
                content = {"type": "button", "button": {"payload": choice.id, "text": choice.title}}
            case _:
                content = {"type": "interactive", "interactive": _tapped("button_reply", reply)}
        return self.sends(handle, content, reply_to=seen.message_id, account_id=seen.account_id)

    def opens(self, handle: str, url: str) -> str:
        """The customer opens a wa.me link and sends what it has filled in."""
        parts = urlsplit(url)
        digits = parts.path.strip("/")
        account = next((one.account_id for one in self.numbers.values() if one.display == digits), None)
        text = dict(parse_qsl(parts.query)).get("text", "")
        return self.says(handle, text or "Hello", account_id=account)

    def reacts(self, handle: str, message_id: str, emoji: str | None) -> str:
        """An emoji on a message of ours; None takes it back."""
        reaction = {"message_id": message_id} if emoji is None else {"message_id": message_id, "emoji": emoji}
        return self.sends(handle, {"type": "reaction", "reaction": reaction})

    def edits(self, handle: str, message_id: str, text: str) -> str:
        """The customer changes the text of an own message."""
        message = {"type": "text", "text": {"body": text}, "context": {"id": "M0"}}
        return self.sends(handle, {"type": "edit", "edit": {"original_message_id": message_id, "message": message}})

    def revokes(self, handle: str, message_id: str) -> str:
        """The customer takes an own message back."""
        return self.sends(handle, {"type": "revoke", "revoke": {"original_message_id": message_id}})

    def colleague_says(self, account_id: str, handle: str, text: str) -> str:
        """A colleague of ours answers in the phone app (coexistence): we get an echo."""
        person, number = self.customers[handle], self.numbers[account_id]
        message_id = self.new_wamid(person)
        echo = {
            "from": number.display,
            **_named(person, "to", hidden=self.is_hidden(person)),
            "id": message_id,
            "timestamp": self.stamp_of(),
            "type": "text",
            "text": {"body": text},
        }
        value = {"contacts": [self.contact(person)], "message_echoes": [echo]}
        self.tell(number, "smb_message_echoes", value, handle=handle)
        return message_id

    # -- being somebody else

    def hides_number(self, handle: str, username: str) -> None:
        """The customer adopts a username: the number is in no webhook any more."""
        self.customers[handle].ids["username"] = username

    def is_hidden(self, person: SimCustomer) -> bool:
        """Whether webhooks give no number of this customer."""
        return "username" in person.ids

    def changes_number(self, handle: str, new_number: str) -> None:
        """The customer goes on with another number, and so under another business-scoped id."""
        person = self.customers[handle]
        old, old_bsuid = self._from(person), person.ids["bsuid"]
        person.ids["wa_id"] = "".join(filter(str.isdigit, new_number))
        person.ids["bsuid"] = self._new_bsuid(person)
        new = _named(person, "", hidden=self.is_hidden(person))
        for number in self.numbers.values():
            if handle not in number.last_in:
                continue
            system = {"type": "user_changed_number", "body": f"User {person.name} changed their number", **new}
            message_id = self.new_wamid(person)
            message = {**old, "id": message_id, "timestamp": self.stamp_of(), "type": "system", "system": system}
            self.tell(number, "messages", {"messages": [message]}, handle=handle)
            update = {
                **({} if self.is_hidden(person) else {"wa_id": person.ids["wa_id"]}),
                "detail": f"User id for {person.name} has been updated.",
                "user_id": {"previous": old_bsuid, "current": person.ids["bsuid"]},
                "timestamp": self.stamp_of(),
            }
            value = {"contacts": [self.contact(person)], "user_id_update": [update]}
            self.tell(number, "user_id_update", value, handle=handle)

    def wants_marketing(self, handle: str, wanted: bool, *, account_id: str | None = None) -> None:
        """The customer stops marketing messages of a number, or takes them again."""
        person, number = self.customers[handle], self.numbers[self.account_for(handle, account_id)]
        (number.no_marketing.discard if wanted else number.no_marketing.add)(handle)
        preference = {
            **({} if self.is_hidden(person) else {"wa_id": person.ids["wa_id"]}),
            "user_id": person.ids["bsuid"],
            "detail": f"User requested to {'resume' if wanted else 'stop'} marketing messages",
            "category": "marketing_messages",
            "value": "resume" if wanted else "stop",
            "timestamp": int(self.now().timestamp()),
        }
        value = {"contacts": [self.contact(person)], "user_preferences": [preference]}
        self.tell(number, "user_preferences", value, handle=handle)

    # -- how webhooks say it

    def tell(
        self,
        number: Number,
        field: str,
        value: Mapping[str, Any],
        *,
        after: timedelta = timedelta(0),
        handle: str = "",
    ) -> None:
        """Queues a webhook about a number, if its app is subscribed."""
        self.post(number, envelope(number, change(number, field, value)), after=after, handle=handle)

    def post(
        self, number: Number, payload: Mapping[str, Any], *, after: timedelta = timedelta(0), handle: str = ""
    ) -> None:
        """Queues a whole payload, signed."""
        url = self.webhook_url(number.account_id)
        if url is not None and number.subscribed:
            self.notify(number.account_id, signed(number.app_secret, url, payload), after=after, handle=handle)

    def contact(self, person: SimCustomer) -> dict[str, Any]:
        """The customer in `contacts`."""
        profile = {"name": person.name}
        if self.is_hidden(person):
            return {"profile": {**profile, "username": person.ids["username"]}, "user_id": person.ids["bsuid"]}
        return {"profile": profile, "wa_id": person.ids["wa_id"], "user_id": person.ids["bsuid"]}

    def ids_of(self, person: SimCustomer) -> dict[str, Any]:
        """The customer in the `contacts` of a status, which have no profile.

        https://github.com/david-lev/pywa/issues/188
        """
        return {name: value for name, value in self.contact(person).items() if name != "profile"}

    def _from(self, person: SimCustomer) -> dict[str, Any]:
        return _named(person, "from", hidden=self.is_hidden(person))

    def new_wamid(self, person: SimCustomer) -> str:
        """A message id in Meta's form."""
        raw = f"\x1d\x0b{person.ids['wa_id']}\x15\x02{self.new_id()}"
        return f"wamid.{base64.b64encode(raw.encode()).decode()}"

    def stamp_of(self) -> str:
        """Now, in Meta's form: seconds as text."""
        return str(int(self.now().timestamp()))

    def find_person(self, to: object, recipient: object) -> SimCustomer | None:
        """Whose number or business-scoped id this is; None for somebody without WhatsApp."""
        digits = "".join(filter(str.isdigit, to)) if isinstance(to, str) else None
        for person in self.customers.values():
            if digits is not None and person.ids.get("wa_id") == digits:
                return person
            if digits is None and person.ids.get("bsuid") == recipient:
                return person
        return None


def _tapped(kind: str, reply: Mapping[str, str]) -> dict[str, Any]:
    return {"type": kind, kind: reply}


def _named(person: SimCustomer, prefix: str, *, hidden: bool) -> dict[str, Any]:
    """`from` and `from_user_id`, `to` and `to_user_id`, `wa_id` and `user_id`: the number first, unless hidden."""
    names = (prefix, f"{prefix}_user_id") if prefix else ("wa_id", "user_id")
    both = dict(zip(names, (person.ids["wa_id"], person.ids["bsuid"]), strict=True))
    return {names[1]: both[names[1]]} if hidden else cast(dict[str, Any], both)
