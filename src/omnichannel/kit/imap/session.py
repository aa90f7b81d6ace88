"""The IMAP client, without IO: a script that waits for responses. Reads only, so no mail is ever marked as seen.

Folders are opened with EXAMINE and fetched by UID with BODY.PEEK, 64 kB at a time; new mail is pushed by IDLE
(RFC 2177) or asked for. One mail is in the works at a time: the next is fetched after the last one was committed.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Generator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import SecretStr

from omnichannel.channel.session import Connect, Finish, Reset, Send, StartTls
from omnichannel.kit.imap.client import (
    ANSWER_WITHIN,
    Committed,
    End,
    Event,
    ImapClient,
    Script,
    Started,
    ignore,
)
from omnichannel.kit.imap.places import Place, read_places, write_places
from omnichannel.kit.imap.replies import CHUNK, BodySink, Listed, listed_in, search_in, shown, uid_in
from omnichannel.kit.imap.responses import Piece, Response, folder_name, quoted
from omnichannel.kit.mail_url import MailUrl

__all__ = ["IDLE_FOR", "LIST_CAP", "POLL_EVERY", "ImapMailbox", "ImapSession"]

LIST_CAP = 200
"""Mails that are listed at a time."""
# RFC 2177 asks for less than 29 minutes; many routers forget a silent connection after five.
IDLE_FOR = timedelta(minutes=4)
POLL_EVERY = timedelta(seconds=60)

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapMailbox:
    """A mailbox to read. `access_token` logs in by XOAUTH2 instead of the URL's password.

    The first of the folders is pushed by IDLE, the others are looked at in between. Of mails larger than `max_bytes`
    the beginning is read. `resync` is how far back to look when the server numbers its mails anew.
    """

    url: MailUrl
    user: str
    access_token: SecretStr | None = None
    folders: tuple[str, ...] = ("INBOX",)
    max_bytes: int = 50_000_000
    resync: timedelta = timedelta(days=7)


class ImapSession(ImapClient):
    """One connection to a mailbox. Whatever the server says, it answers with actions, never raises."""

    def __init__(self, mailbox: ImapMailbox, cursor: str | None) -> None:
        super().__init__()
        self._mailbox = mailbox
        self._url = mailbox.url
        self._places = read_places(cursor, mailbox.folders)
        self._folder = ""
        self._missing: set[str] = set()

    @property
    def connect(self) -> Connect:
        """Where the mailbox is."""
        return Connect(host=self._url.host, port=self._url.port, tls=self._url.tls)

    def _run(self) -> Script:
        yield from self._greet()
        yield from self._log_in()
        first, *others = self._mailbox.folders
        while True:
            for folder in (*others, first):
                if folder not in self._missing:
                    yield from self._open(folder)
                    yield from self._fetch_new()
            pushed = True
            while pushed:
                pushed = yield from self._wait()
                if pushed:
                    yield from self._fetch_new()

    def _greet(self) -> Script:
        self._wake_in(ANSWER_WITHIN)
        line = (yield from self._response()).line
        if line[:9].upper() == b"* PREAUTH":
            raise End("the server logged us in before the connection was secured")
        if line[:4].upper() != b"* OK":
            raise End(f"the server refused the connection: {shown(line)}")
        self._note_capabilities(line)
        if self._url.tls == "starttls":
            yield from self._start_tls()
        if not self._capabilities:
            yield from self._command(b"CAPABILITY")

    def _start_tls(self) -> Script:
        status, text = yield from self._command(b"STARTTLS")
        if status != "OK":
            raise End(f"the server offers no TLS: {text}")
        if self._responses.pending:
            # Somebody in between may have put it there, to be read as if it came through TLS (CVE-2011-0411).
            raise End("the server spoke before TLS began")
        self._capabilities = frozenset()
        self._emit(StartTls())
        self._wake_in(ANSWER_WITHIN)
        while not isinstance((yield), Started):
            if self._due():
                raise End("TLS was not ready in time")

    def _log_in(self) -> Script:
        user, token = self._mailbox.user, self._mailbox.access_token
        if token is not None:
            first = f"user={user}\x01auth=Bearer {token.get_secret_value()}\x01\x01"
            status, text = yield from self._authenticate("XOAUTH2", first)
        elif "AUTH=PLAIN" in self._capabilities:
            status, text = yield from self._authenticate("PLAIN", f"\0{user}\0{self._url.password}")
        elif "LOGINDISABLED" in self._capabilities:
            raise End("the server takes no password on this connection", auth=True)
        else:
            name, password = quoted(user), quoted(self._url.password)
            if name is None or password is None:
                raise End("user or password cannot be sent by LOGIN, and the server offers nothing else", auth=True)
            status, text = yield from self._command(b"LOGIN " + name + b" " + password)
        if status != "OK":
            # RFC 5530: not about the password.
            busy = "[UNAVAILABLE]" in text.upper() or "[INUSE]" in text.upper()
            raise End(f"login refused: {text}", auth=not busy)
        self._capabilities = frozenset()
        # Servers say more after login: IDLE often only then.
        yield from self._command(b"CAPABILITY")

    def _authenticate(self, method: str, first: str) -> Generator[None, Event, tuple[str, str]]:
        secret = b64encode(first.encode("utf-8"))
        if "SASL-IR" in self._capabilities:
            return (yield from self._command(f"AUTHENTICATE {method} ".encode() + secret, answers=(b"",)))
        return (yield from self._command(f"AUTHENTICATE {method}".encode(), answers=(secret, b"")))

    def _open(self, folder: str) -> Script:
        if self._folder == folder:
            return
        self._folder = ""
        self._validity = self._next = self._exists = 0
        status, text = yield from self._command(b"EXAMINE " + folder_name(folder), self._note_folder)
        if status != "OK":
            if folder == self._mailbox.folders[0]:
                raise End(f"folder {folder} cannot be opened: {text}")
            self._missing.add(folder)
            return
        self._folder = folder
        place = self._places.get(folder)
        if place is None:
            yield from self._begin("first connection")
        elif place.validity != self._validity:
            yield from self._begin("UIDVALIDITY changed", since=self._now - self._mailbox.resync)

    def _begin(self, reason: str, since: datetime | None = None) -> Script:
        """Finds where to begin: after the last mail, or before the first one that came since."""
        uid = (self._next - 1) if self._next else (yield from self._last_uid())
        if since is not None:
            found = yield from self._search_since(since)
            uid = found[0] - 1 if found else uid
        self._places[self._folder] = Place(self._validity, max(uid, 0))
        cursor = write_places(self._places, self._mailbox.folders)
        self._emit(Reset(cursor, f"{reason}: {self._folder}"))

    def _last_uid(self) -> Generator[None, Event, int]:
        found = [0]
        if self._exists:
            yield from self._command(b"FETCH * (UID)", lambda piece: found.append(uid_in(piece) or 0))
        return max(found)

    def _search_since(self, since: datetime) -> Generator[None, Event, list[int]]:
        found: list[int] = []
        date = f"{since.day}-{_MONTHS[since.month - 1]}-{since.year}"
        yield from self._command(f"UID SEARCH SINCE {date}".encode(), lambda piece: found.extend(search_in(piece)))
        return sorted(found)

    def _fetch_new(self) -> Script:
        if not self._folder:
            return
        while True:
            self._news = False
            listed = yield from self._list()
            for one in listed:
                yield from self._fetch(one)
            if not listed and not self._news:
                return

    def _list(self) -> Generator[None, Event, list[Listed]]:
        last = self._places[self._folder].uid
        found: dict[int, Listed] = {}

        def note(piece: Piece) -> None:
            one = listed_in(piece)
            # `n:*` always names the last mail, be its UID lower than n.
            if one is not None and one.uid > last:
                found[one.uid] = one
            if len(found) > 2 * LIST_CAP:
                for late in sorted(found)[LIST_CAP:]:
                    del found[late]

        command = f"UID FETCH {last + 1}:* (UID RFC822.SIZE INTERNALDATE)".encode()
        status, text = yield from self._command(command, note)
        # NO means that there is none: some servers say so for an empty range.
        if status == "BAD":
            raise End(f"the server does not understand us: {text}")
        return [found[uid] for uid in sorted(found)[:LIST_CAP]]

    def _fetch(self, one: Listed) -> Script:
        item = f"{self._folder}/{self._validity}/{one.uid}"
        body = BodySink(self._emit, item, self._headers(one), self._mailbox.max_bytes)
        offset = 0
        while True:
            body.expect()
            command = f"UID FETCH {one.uid} (BODY.PEEK[]<{offset}.{CHUNK}>)".encode()
            status, text = yield from self._command(command, body.note)
            if status != "OK":
                raise End(f"mail {item} cannot be fetched: {text}")
            if body.done:
                break
            offset += CHUNK
        self._places[self._folder] = Place(self._validity, one.uid)
        if body.begun:  # else it was deleted in the meantime
            yield from self._finish(item)

    def _finish(self, item: str) -> Script:
        """Hands the mail over, and waits until it is on disk: the next one is not asked for before."""
        cursor = write_places(self._places, self._mailbox.folders)
        self._emit(Finish(item, cursor))
        self._rest_for_ever()
        while (event := (yield)) != Committed(cursor):
            self._note(event)

    def _headers(self, one: Listed) -> dict[str, str]:
        return {
            "x-imap-folder": self._folder,
            "x-imap-uidvalidity": str(self._validity),
            "x-imap-uid": str(one.uid),
            "x-imap-internaldate": one.date,
            "x-imap-size": str(one.size),
        }

    def _wait(self) -> Generator[None, Event, bool]:
        """Waits for new mail; True where the server told us of some."""
        if "IDLE" in self._capabilities:
            return (yield from self._idle())
        self._wake_in(POLL_EVERY)
        while not self._due():
            yield from self._rest()
        yield from self._command(b"NOOP")
        return self._news

    def _idle(self) -> Generator[None, Event, bool]:
        tag = self._send(b"IDLE")
        self._wake_in(ANSWER_WITHIN)
        while not (line := (yield from self._response()).line).startswith(b"+"):
            if line.startswith(tag + b" "):
                self._capabilities -= {"IDLE"}
                return False
        self._wake_in(IDLE_FOR)
        while not self._news and not self._due():
            piece = yield from self._rest()
            if isinstance(piece, Response) and piece.line.startswith(tag + b" "):
                return self._news  # the server ended it
        self._emit(Send(b"DONE\r\n"))
        self._wake_in(ANSWER_WITHIN)
        yield from self._until(tag, ignore)
        return self._news
