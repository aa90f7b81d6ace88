"""The customers of simulated Messenger: what they write, tap, open, change and refuse."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from omnichannel.testing.simulators.base import SimCustomer, SimFile
from omnichannel.testing.simulators.messenger_hooks import OUR_APP, PAGE_INBOX, File, Page, ms, payload_of
from omnichannel.testing.simulators.meta_graph import GraphSimulator, signed

__all__ = ["MessengerPeople"]

NO_TIME = timedelta(0)


class MessengerPeople(GraphSimulator):
    """Everybody's phone. A handle is whatever a test calls somebody; each Page knows them by an id of its own."""

    pages: dict[str, Page]
    files: dict[str, File]
    home: str
    quick: dict[str, set[str]]
    """The ids of quick replies by message: those are gone after a tap or the next message."""
    tapped: set[str]

    def psid(self, handle: str, page: Page) -> str:
        """The page-scoped id of a customer."""
        ids = self.customers[handle].ids
        return ids.setdefault(f"psid:{page.page_id}", str(self.random.randint(10**15, 10**16 - 1)))

    def value_of(self, handle: str, account_id: str | None = None) -> str:
        """The page-scoped id."""
        return self.psid(handle, self.pages[account_id or next(iter(self.pages))])

    def find_person(self, psid: str, page: Page) -> SimCustomer | None:
        """Whose id this is at the Page."""
        key = f"psid:{page.page_id}"
        return next((one for one in self.customers.values() if one.ids.get(key) == psid), None)

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
        """The customer writes, with all files in one message. Gives its id.

        Raises `ValueError` for a customer who has blocked us: the app does not let them write.
        """
        page = self.pages[self.account_for(handle, account_id)]
        message: dict[str, Any] = {"text": text} if text else {}
        if attachments:
            message["attachments"] = [self._attached(file, page) for file in attachments]
        if reply_to is not None:
            message["reply_to"] = {"mid": reply_to}
        return self.sends(handle, message, page)

    def _attached(self, file: SimFile, page: Page) -> dict[str, Any]:
        kind = file.type.partition("/")[0]
        kind = kind if kind in ("image", "video", "audio") else "file"
        file_id = self.new_id(start=70_000_000)
        self.files[file_id] = File(file=file, kind=kind, page_id=page.page_id)
        return {"type": kind, "payload": {"url": self.url_of(file_id, file)}}

    def url_of(self, file_id: str, file: SimFile) -> str:
        """Where the bytes of a file are."""
        return f"{self.home}/v/t1.15752-9/{file_id}/{quote(file.name or 'file')}"

    def sends(self, handle: str, message: Mapping[str, Any], page: Page) -> str:
        """Any message of the customer, in Meta's shape without its id. Gives the id."""
        mid = self.new_mid()
        self.acts(handle, page, "messages", {"message": {"mid": mid, **message}})
        return mid

    def picks(self, handle: str, title: str) -> str:
        """The customer taps a button, or a quick reply of the newest message."""
        seen, choice = self.button(handle, title)
        page = self.pages[seen.account_id]
        if choice.id not in self.quick.get(seen.message_id, set()):
            mid = self.new_mid()
            postback = {"mid": mid, "title": choice.title, "payload": choice.id}
            self.acts(handle, page, "messaging_postbacks", {"postback": postback})
            return mid
        if seen.message_id in self.tapped or self.seen(handle)[-1].message_id != seen.message_id:
            raise LookupError(f"the quick reply {title!r} is gone: Messenger shows them under the newest message")
        self.tapped.add(seen.message_id)
        return self.sends(handle, {"text": choice.title, "quick_reply": {"payload": choice.id}}, page)

    def opens(self, handle: str, url: str) -> str:
        """The customer opens an m.me link. In a thread that is there, the reference comes by itself; a new one begins
        with the Get Started button, where the Page has it, and brings the reference with its tap. A text that the link
        fills in is sent."""
        parts = urlsplit(url)
        name, query = parts.path.strip("/"), dict(parse_qsl(parts.query))
        page = next((one for one in self.pages.values() if name in (one.name, one.page_id)), None)
        if page is None:
            raise LookupError(f"no Page is called {name}")
        referral = {"ref": query.get("ref", ""), "source": "SHORTLINK", "type": "OPEN_THREAD"}
        mid = self.new_mid()
        if handle in page.threads:
            self.acts(handle, page, "messaging_referrals", {"referral": referral} if query.get("ref") else {})
        elif page.get_started:
            tap = {"mid": mid, "title": "Get Started", "payload": "GET_STARTED", "referral": referral}
            self.acts(handle, page, "messaging_postbacks", {"postback": tap})
        if "text" in query or not (page.get_started or handle in page.threads):
            return self.says(handle, query.get("text", "Hello"), account_id=page.account_id)
        return mid

    # -- changing

    def reacts(self, handle: str, message_id: str, emoji: str | None, *, account_id: str | None = None) -> None:
        """An emoji on a message; None takes it back."""
        reaction = {"mid": message_id, "action": "unreact" if emoji is None else "react"}
        if emoji is not None:
            reaction |= {"emoji": emoji, "reaction": "other"}
        self.acts(handle, self._page(handle, account_id), "message_reactions", {"reaction": reaction})

    def edits(self, handle: str, message_id: str, text: str, *, times: int = 1, account_id: str | None = None) -> None:
        """The customer changes an own message, for the first time or another."""
        edit = {"mid": message_id, "text": text, "num_edit": times}
        self.tell(self._page(handle, account_id), "message_edits", handle, {"message_edit": edit})

    def wants_marketing(self, handle: str, wanted: bool, *, account_id: str | None = None) -> None:
        """The customer takes marketing messages of the Page, or stops them."""
        status = "RESUME_NOTIFICATIONS" if wanted else "STOP_NOTIFICATIONS"
        optin = {"type": "notification_messages", "notification_messages_token": "4209784", "title": "News of the week"}
        optin |= {"notification_messages_status": status, "user_token_status": "NOT_REFRESHED"}
        self.tell(self._page(handle, account_id), "messaging_optins", handle, {"optin": optin})

    def judges(self, handle: str, message_id: str, *, good: bool, account_id: str | None = None) -> None:
        """A thumb under an answer of ours."""
        feedback = {"feedback": "Good response" if good else "Bad response", "mid": message_id}
        self.tell(self._page(handle, account_id), "response_feedback", handle, {"response_feedback": feedback})

    def colleague_says(self, account_id: str, handle: str, text: str) -> str:
        """A colleague of ours answers in the Page's inbox: we get an echo."""
        page = self.pages[account_id]
        mid = self.new_mid()
        self.echo(page, handle, {"mid": mid, "app_id": int(PAGE_INBOX), "text": text})
        return mid

    def moves_thread(self, account_id: str, handle: str, app_id: str) -> None:
        """Another app of the Page takes the thread, or gives it back to ours."""
        page = self.pages[account_id]
        previous = page.owners.pop(handle, OUR_APP)
        if app_id == OUR_APP:
            control = {"previous_owner_app_id": previous, "new_owner_app_id": OUR_APP, "metadata": "yours"}
            self.tell(page, "messaging_handovers", handle, {"pass_thread_control": control})
        else:
            page.owners[handle] = app_id
            control = {"previous_owner_app_id": previous, "new_owner_app_id": app_id, "metadata": "mine"}
            self.tell(page, "messaging_handovers", handle, {"take_thread_control": control})

    def _page(self, handle: str, account_id: str | None) -> Page:
        return self.pages[self.account_for(handle, account_id)]

    # -- how webhooks say it

    def acts(self, handle: str, page: Page, field: str, event: Mapping[str, Any]) -> None:
        """The customer does something that opens the 24 hours."""
        person = self.customers[handle]
        if person.blocked:
            raise ValueError(f"{handle} has blocked us and cannot write")
        person.last_wrote_at = page.last_in[handle] = self.now()
        page.threads.add(handle)
        if event and handle not in page.banned:
            self.tell(page, field, handle, event)

    def tell(
        self, page: Page, field: str, handle: str, event: Mapping[str, Any], *, after: timedelta = NO_TIME
    ) -> None:
        """Queues an event of a customer; in standby, where another app holds the thread."""
        at = self.now() + after
        parties = {"sender": {"id": self.psid(handle, page)}, "recipient": {"id": page.page_id}}
        item = {**parties, "timestamp": ms(at), **event}
        standby = handle in page.owners and field != "messaging_handovers"
        if standby and "standby" in page.subscribed:
            self.post(page, payload_of(page, at, standby=[item]), after=after, handle=handle)
        elif not standby and field in page.subscribed:
            self.post(page, payload_of(page, at, messaging=[item]), after=after, handle=handle)

    def echo(self, page: Page, handle: str, message: Mapping[str, Any], *, after: timedelta = NO_TIME) -> None:
        """Queues the echo of a message of the Page."""
        at = self.now() + after
        parties = {"sender": {"id": page.page_id}, "recipient": {"id": self.psid(handle, page)}}
        item = {**parties, "timestamp": ms(at), "message": {"is_echo": True, **message}}
        if "message_echoes" in page.subscribed:
            self.post(page, payload_of(page, at, messaging=[item]), after=after, handle=handle)

    def post(self, page: Page, payload: Mapping[str, Any], *, after: timedelta = NO_TIME, handle: str = "") -> None:
        """Queues a whole payload, signed."""
        url = self.webhook_url(page.account_id)
        if url is not None:
            self.notify(page.account_id, signed(page.app_secret, url, payload), after=after, handle=handle)

    def new_mid(self) -> str:
        """A message id in Meta's form."""
        return f"m_{base64.urlsafe_b64encode(f'mid{self.new_id()}'.encode()).decode().rstrip('=')}"
