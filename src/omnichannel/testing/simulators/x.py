"""X, simulated: API v2 and the X Activity API, with the people who write there.

It keeps to X's documents and to its published description, not to what our client does. What it knows:
`dm`, `mention` (posts that name, quote or answer us) and, only as a notice, `xchat`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from omnichannel.channel.base import Account
from omnichannel.testing.simulators.accounts import fill, made_up
from omnichannel.testing.simulators.base import SimCustomer, SimFile
from omnichannel.testing.simulators.x_dms import XDms
from omnichannel.testing.simulators.x_state import Grant, SimUser, iso, ms

__all__ = ["XSimulator"]

AccountT = TypeVar("AccountT", bound=Account)
_SECRETS = ("consumer_key", "consumer_secret", "token", "refresh_token", "app_bearer")
_SHARED = ("consumer_key", "consumer_secret", "client_id", "client_secret", "app_bearer")


class XSimulator(XDms):
    """X. Customers `says` (a DM, or with `surface="mention"` a post), `quotes`, `deletes`, `reads`, `closes_dms`,
    `blocks`; we are `suspend`ed, `lock`ed, `revoke`d, run out of `credits`, are no more `enrolled`."""

    channel = "x"
    adapter = "x"
    hosts = ("api.x.com", "api.twitter.com")
    links = ("https://x.com/", "https://twitter.com/")

    # -- our side

    def adopt(self, account: AccountT) -> AccountT:
        """An account, its app, and tokens that work. Accounts with one `endpoint` share an app."""
        fake = {name: made_up(name, self.random) for name in _SECRETS}
        chosen: dict[str, Any] = {
            **fake,
            "user_id": self.snowflake(),
            "username": f"brand{len(self.accounts) + 1}",
            "client_id": f"client-{account.endpoint or account.id}",
        }
        if getattr(account, "token_secret", None) is not None:
            user_id = getattr(account, "user_id", None) or chosen["user_id"]
            chosen["token"] = f"{user_id}-{fake['token']}"
            del chosen["refresh_token"]
        siblings = [one for one in self.accounts.values() if account.endpoint and one.endpoint == account.endpoint]
        sibling = next(iter(siblings), None)
        if sibling is not None:
            chosen |= {name: getattr(sibling, name) for name in _SHARED}
        filled = fill(account, chosen, self.random)
        self.accounts[account.id] = filled
        self._register(filled)
        return filled

    def _register(self, account: Account) -> None:
        name = account.endpoint or account.id
        user = SimUser(
            id=str(_plain(account, "user_id")),
            username=_plain(account, "username"),
            name=account.label or account.id,
            account_id=account.id,
            premium=bool(getattr(account, "premium", False)),
        )
        self.name(user)
        self.tiers[user.id] = account.tier or "pay_per_use"
        app = self.apps.setdefault(name, {"accounts": [], "users": []})
        app["accounts"].append(account.id)
        app["users"].append(user.id)
        app |= {"key": _plain(account, "consumer_key"), "secrets": _many(account, "consumer_secret")}
        app |= {"client_id": _plain(account, "client_id"), "client_secrets": _many(account, "client_secret")}
        app["bearer"] = _plain(account, "app_bearer")
        self.grants[app["bearer"]] = Grant(user_id="", app=name, kind="app")
        token, secret = _plain(account, "token"), _plain(account, "token_secret")
        if secret:
            self.grants[token] = Grant(user_id=user.id, app=name, kind="oauth1", secret=secret)
        else:
            self.grant_user(user.id, name, token, _plain(account, "refresh_token"))

    def rotate_secret(self, account_id: str, secret: str) -> None:
        """The app gets a new consumer secret, which signs and verifies from now on."""
        self.apps[self.app_of(account_id)]["secrets"] = [secret]

    def suspend(self, account_id: str, *, suspended: bool = True) -> None:
        """X suspends our account, or gives it back."""
        self.user_of(account_id).suspended = suspended

    def lock(self, account_id: str, *, locked: bool = True) -> None:
        """X locks our account until a person logs in, or opens it."""
        self.user_of(account_id).locked = locked

    def revoke(self, account_id: str) -> None:
        """The account's owner removes our app: tokens die, and the app is told."""
        user = self.user_of(account_id)
        payload = {"date_time": iso(self.now())[:19] + "+00:00", "user_id": user.id, "app_id": "29820954"}
        self.emit("oauth.revoke", user.id, payload, None)
        for tokens in (self.grants, self.renewals):
            for token in [token for token, one in tokens.items() if one.user_id == user.id]:
                del tokens[token]

    # -- the customers' side

    def customer(self, name: str, handle: str, *, language: str = "en", country: str | None = None) -> SimCustomer:
        """A person with a handle (`@ann`) and a numeric id."""
        found = super().customer(name, handle, language=language, country=country)
        if "user_id" not in found.ids:
            username = re.sub(r"[^A-Za-z0-9_]", "", handle)[:15] or f"user{len(self.customers)}"
            user = SimUser(id=self.snowflake(), username=username, name=name, handle=handle)
            found.ids |= {"user_id": user.id, "username": username}
            self.name(user)
        return found

    def value_of(self, handle: str, account_id: str | None = None) -> str:
        """The numeric id."""
        return self.customers[handle].ids["user_id"]

    def person(self, handle: str) -> SimUser:
        """The user behind a customer's handle. Raises `LookupError`."""
        return self.users[self.known(handle).ids["user_id"]]

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
        """A DM; with `surface="mention"` a post that names us, or that answers `reply_to` without naming anyone;
        with `surface="xchat"` an encrypted message, of which we only hear."""
        user, ours = self.person(handle), self.user_of(self.account_for(handle, account_id))
        self.customers[handle].last_wrote_at = self.now()
        if surface == "xchat":
            return self._encrypted(user, ours)
        if surface in (None, "dm"):
            files = [self.put(user.id, one.content, one.type, _category("dm", one.type)).id for one in attachments]
            return self.write(user, ours, text, files).id
        files = [self.put(user.id, one.content, one.type, _category("tweet", one.type)).id for one in attachments]
        named = f"@{ours.username}".casefold() in text.casefold()
        words = text if named or reply_to else f"@{ours.username} {text}"
        return self.publish(user, words, reply_to=reply_to, media=files).id

    def quotes(self, handle: str, text: str, post_id: str) -> str:
        """The customer quotes a post."""
        return self.publish(self.person(handle), text, quotes=post_id).id

    def deletes(self, handle: str, message_id: str) -> None:
        """The customer deletes a post, or a DM for themselves; of neither are we told."""
        if message_id in self.posts:
            self.unpublish(self.posts[message_id])
        else:
            self.dms[message_id].hidden_from.add(self.person(handle).id)

    def closes_dms(self, handle: str, *, closed: bool = True) -> None:
        """The customer takes DMs only from those they follow or wrote to."""
        self.person(handle).closed_dms = closed

    def reads(self, handle: str, account_id: str | None = None) -> None:
        """The customer reads our DMs. Raises `LookupError` where there are none."""
        user, ours = self.person(handle), self.user_of(self.account_for(handle, account_id))
        written = (one for one in reversed(self.dms.values()) if (one.sender, one.recipient) == (ours.id, user.id))
        last = next(written, None)
        if last is None:
            raise LookupError(f"{handle} has no DM of ours to read")
        mark = {
            "created_timestamp": str(ms(self.now())),
            "sender_id": user.id,
            "target": {"recipient_id": ours.id},
            "last_read_event_id": last.id,
        }
        self.emit("dm.read", ours.id, {"direct_message_mark_read_events": [mark]}, None)

    def picks(self, handle: str, title: str) -> str:
        """X shows no buttons: the customer types the number of the line that says so. Raises `LookupError`."""
        line = re.compile(rf"^\s*(\d+)[.)]\s*{re.escape(title)}\s*$", re.IGNORECASE | re.MULTILINE)
        for seen in reversed(self.seen(handle)):
            found = line.search(seen.text)
            if found and seen.surface == "dm":
                return self.says(handle, found[1], account_id=seen.account_id)
            if found:
                return self.says(handle, found[1], surface="mention", reply_to=seen.message_id)
        raise LookupError(f"{handle}'s phone shows no line {title!r}: {[one.text for one in self.seen(handle)]}")

    def opens(self, handle: str, url: str) -> str:
        """The customer opens a compose link, and sends what it has filled in to whom it names."""
        query = parse_qs(urlsplit(url).query)
        recipient = self.users.get(query.get("recipient_id", [""])[0])
        if recipient is None or not recipient.account_id:
            raise LookupError(f"{url} leads to nobody at X")
        return self.says(handle, query.get("text", ["Hello"])[0], account_id=recipient.account_id)

    def _encrypted(self, user: SimUser, ours: SimUser) -> str:
        message_id = f"{self.random.getrandbits(128):032x}"
        payload = {
            "id": message_id,
            "created_at_msec": str(ms(self.now())),
            "sender_id": user.id,
            "conversation_id": f"{user.id}:{ours.id}",
            "conversation_token": "eyJhbGciOiJIUzI1NiJ9.fake",
            "conversation_key_version": str(ms(self.now())),
            "encoded_event": "CwABAAAAEzIwODA0MDA4MjUyMjcxMDAxNjAL",
        }
        self.emit("chat.received", ours.id, payload, None)
        return message_id

    # -- the older API

    def says_legacy(self, handle: str, text: str, account_id: str | None = None) -> str:
        """A DM that comes as the deprecated Account Activity API has it."""
        ours = self.user_of(self.account_for(handle, account_id))
        subscribed, self.subscriptions = self.subscriptions, {}
        try:
            dm = self.write(self.person(handle), ours, text)
        finally:
            self.subscriptions = subscribed
        body = {"for_user_id": ours.id, **self.legacy_dms(dm, modern=False)}
        self.post_body(ours.account_id, json.dumps(body).encode())
        return dm.id


def _plain(account: Account, name: str) -> str:
    value: object = getattr(account, name, None)
    found = value.get_secret_value() if isinstance(value, SecretStr) else value
    return str(found) if found else ""


def _many(account: Account, name: str) -> list[str]:
    return [one.get_secret_value() for one in getattr(account, name, ())]


def _category(prefix: str, kind: str) -> str:
    return f"{prefix}_video" if kind.startswith("video/") else f"{prefix}_image"
