"""Mastodon, simulated: one server for our accounts, others for the customers, and the people on them.

It keeps to the documentation and to what the server software does, not to what our client does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

from pydantic import SecretStr

from omnichannel.channel.base import Account
from omnichannel.testing.simulators.accounts import fill
from omnichannel.testing.simulators.base import SimCustomer, SimFile
from omnichannel.testing.simulators.mastodon_pages import MastodonPages
from omnichannel.testing.simulators.mastodon_state import Grant, SimPerson, SimStatus, iso

__all__ = ["MastodonSimulator"]

AccountT = TypeVar("AccountT", bound=Account)
HOME = "mastodon.example"
AWAY = "social.example"


class MastodonSimulator(MastodonPages):
    """Mastodon. Customers `says` (direct, or with `surface="mention"` in public; `"unlisted"`, `"private"` too),
    `quotes`, `edits`, `deletes`, `favourites`, `moves`, `blocks`; we are `suspend`ed, `revoke`d, `warn`ed."""

    channel = "mastodon"
    adapter = "mastodon"
    hosts = (HOME, "*.mastodon.example")
    links = ("https://mastodon.example/share?", "https://social.example/share?")

    # -- our side

    def adopt(self, account: AccountT) -> AccountT:
        """An account with a token that works."""
        filled = fill(account, {"token": f"fake-token-{self.random.getrandbits(64):x}"}, self.random)
        self.accounts[account.id] = filled
        base, domain = str(getattr(filled, "base_url", f"https://{HOME}")), getattr(filled, "domain", None)
        person = SimPerson(
            id=self.next_id(),
            username=str(getattr(filled, "username", account.id)),
            host=domain or urlsplit(base).netloc,
            name=account.label or account.id,
            since=self.now() - timedelta(days=400),
            account_id=account.id,
        )
        self.introduce(person)
        token: object = getattr(filled, "token", None)
        self.grants[token.get_secret_value() if isinstance(token, SecretStr) else ""] = Grant(person=person.id)
        return filled

    def ours(self, account_id: str) -> SimPerson:
        """The person behind an account of ours. Raises `LookupError`."""
        for person in self.people.values():
            if person.account_id == account_id:
                return person
        raise LookupError(f"no account {account_id!r} at Mastodon; there are: {', '.join(self.accounts) or 'none'}")

    def suspend(self, account_id: str, *, suspended: bool = True) -> None:
        """Moderators disable our login, or give it back."""
        (self.suspended.add if suspended else self.suspended.discard)(account_id)
        if suspended:
            self.hang_up(account_id)

    def revoke(self, account_id: str, *, revoked: bool = True) -> None:
        """Somebody revokes our application's token, or, for a test, gives it back."""
        person = self.ours(account_id)
        for token, grant in self.grants.items():
            if grant.person == person.id:
                self.grants[token] = replace(grant, revoked=revoked)
        if revoked:
            self.hang_up(account_id)

    def restrict(self, account_id: str, *scopes: str) -> None:
        """Our token has only these scopes."""
        person = self.ours(account_id)
        for token, grant in self.grants.items():
            if grant.person == person.id:
                self.grants[token] = replace(grant, scopes=frozenset(scopes))

    def warn(self, account_id: str, action: str, text: str = "") -> None:
        """Moderators warn us, and what they did."""
        person = self.ours(account_id)
        warning: dict[str, Any] = {
            "id": self.next_id(),
            "action": action,
            "text": text,
            "status_ids": None,
            "appeal": None,
        }
        warning |= {"created_at": iso(self.now()), "target_account": self.shown_person(person, person)}
        self.notice(person, "moderation_warning", person, None, moderation_warning=warning)

    # -- the customers' side

    def customer(self, name: str, handle: str, *, language: str = "en", country: str | None = None) -> SimCustomer:
        """A person with a handle: `ann@social.example`; one without a host is on our server."""
        found = super().customer(name, handle, language=language, country=country)
        if "acct" not in found.ids:
            username, _, host = handle.removeprefix("@").partition("@")
            person = SimPerson(
                id=self.next_id(),
                username=username,
                host=(host or HOME).lower(),
                name=name,
                since=self.now() - timedelta(days=90),
                handle=handle,
            )
            self.introduce(person)
            found.ids |= {"acct": person.whole, "local_id": person.id}
        return found

    def person(self, handle: str) -> SimPerson:
        """The person behind a customer's handle. Raises `LookupError`."""
        return self.people[self.known(handle).ids["local_id"]]

    def says(
        self,
        handle: str,
        text: str,
        *,
        attachments: Sequence[SimFile] = (),
        surface: str | None = None,
        reply_to: str | None = None,
        account_id: str | None = None,
        warning: str = "",
    ) -> str:
        """A direct status; with `surface="mention"` a public one, or with the name of another visibility that one. It
        names us, unless its words do already."""
        person, ours = self.person(handle), self.ours(self.account_for(handle, account_id))
        self.customers[handle].last_wrote_at = self.now()
        visibility = {None: "direct", "dm": "direct", "mention": "public"}.get(surface, surface)
        files = tuple(self.put(person.id, one).id for one in attachments)
        named = f"@{ours.whole}" in text.lower()
        status = self.publish(
            person,
            text if named else f"@{ours.acct(person.host)} {text}",
            visibility=visibility,
            reply_to=reply_to,
            spoiler=warning,
            media=files,
            language=self.customers[handle].language,
        )
        return status.id

    def quotes(self, handle: str, text: str, status_id: str) -> str:
        """The customer quotes a status in public, without naming anybody."""
        return self.publish(self.person(handle), text, visibility="public", quotes=status_id).id

    def edits(self, handle: str, status_id: str, text: str) -> None:
        """The customer edits a status. Only those who follow them hear of it."""
        status, person = self.statuses[status_id], self.person(handle)
        begin = status.text.partition(" ")[0]
        status.text, status.edited_at = f"{begin} {text}", self.now()
        for one in self.people.values():
            if one.account_id and person.id in one.follows:
                self.tell(one, ("user",), "status.update", self.shown_status(status, one))

    def deletes(self, handle: str, status_id: str) -> None:
        """The customer deletes a status. Whoever it named is told its id."""
        self.take_back(self._theirs(handle, status_id))

    def _theirs(self, handle: str, status_id: str) -> SimStatus:
        status = self.statuses[status_id]
        if status.author != self.person(handle).id:
            raise LookupError(f"{status_id} is not a status of {handle}")
        return status

    def favourites(self, handle: str, status_id: str) -> None:
        """The customer favourites a status of ours."""
        status, person = self.statuses[status_id], self.person(handle)
        status.favourited.add(person.id)
        self.notice(self.people[status.author], "favourite", person, status)

    def moves(self, handle: str, becomes: str) -> None:
        """The customer moves to another account, which has to be somebody here. Raises `LookupError`."""
        self.person(handle).moved_to = self.person(becomes).whole

    def picks(self, handle: str, title: str) -> str:
        """There are no buttons: the customer types the number of the line that says so. Raises `LookupError`."""
        seen, number = self.numbered(handle, title)
        surface = None if seen.surface == "dm" else "mention"
        return self.says(handle, number, surface=surface, reply_to=seen.message_id, account_id=seen.account_id)

    def opens(self, handle: str, url: str) -> str:
        """The customer opens a composer on their server, and sends what it has filled in to whom it names."""
        parts, person = urlsplit(url), self.person(handle)
        if parts.path != "/share" or parts.netloc != person.host:
            raise LookupError(f"{handle} is signed in at {person.host}, and {url} is no composer there")
        query = parse_qs(parts.query)
        words = query.get("text", [""])[0]
        status = self.publish(person, words, visibility=query.get("visibility", ["public"])[0])
        return status.id
