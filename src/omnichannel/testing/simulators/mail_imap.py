"""An IMAP server over a byte stream, without IO: strict about tags, states and syntax."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import datetime

from omnichannel.testing.simulators.mail_box import Folder, Mailbox, StoredMail

CAPABILITIES = "IMAP4rev1 AUTH=PLAIN SASL-IR"
_COMMAND = re.compile(rb"([A-Za-z0-9]{1,20}) ([A-Za-z]+)(?: (.*))?")
_STRING = re.compile(r'"((?:[^"\\]|\\["\\])*)"|([^\s"(){}%*\\]+)')
_PIECE = re.compile(r"BODY\.PEEK\[\]<(\d+)\.([1-9]\d*)>")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

_Handler = Callable[[str, str], None]


class ImapServer:
    """One connection. `feed` takes the client's bytes, `output` is what is to be sent; `closed` ends it.

    `wrong` collects what a client must not do: commands out of place, unknown ones, fetches that set `\\Seen`.
    """

    def __init__(self, mailboxes: Mapping[str, Mailbox], *, idle: bool = True, sasl_ir: bool = True) -> None:
        self.output = bytearray()
        self.closed = False
        self.wrong: list[str] = []
        self.commands: list[str] = []
        self.wake: Callable[[], None] = _nothing
        self._mailboxes = mailboxes
        self._idle_offered = idle
        self._first = CAPABILITIES if sasl_ir else CAPABILITIES.replace(" SASL-IR", "")
        self._buffer = bytearray()
        self._mailbox: Mailbox | None = None
        self._folder: Folder | None = None
        self._told = 0
        self._idling = ""
        self._waiting = ""
        self._say(f"* OK [CAPABILITY {self._first}] ready")

    def feed(self, data: bytes) -> None:
        """The client sent some bytes."""
        self._buffer += data
        while not self.closed and (end := self._buffer.find(b"\r\n")) >= 0:
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 2]
            self._line(line)

    def hang_up(self) -> None:
        """The server goes down."""
        self._say("* BYE going down")
        self.close()

    def close(self) -> None:
        """The connection is gone."""
        self.closed = True
        if self._folder is not None and self._changed in self._folder.watchers:
            self._folder.watchers.remove(self._changed)
        self.wake()

    # -- lines

    def _line(self, line: bytes) -> None:
        if self._idling:
            self._end_idle(line)
        elif self._waiting:
            tag, self._waiting = self._waiting, ""
            self._check_plain(tag, line.decode("ascii", "replace"))
        elif match := _COMMAND.fullmatch(line):
            tag, name = match[1].decode(), match[2].decode().upper()
            rest = (match[3] or b"").decode("utf-8", "replace")
            if name == "UID":
                word, _, rest = rest.partition(" ")
                name = f"UID {word.upper()}"
            # Credentials are no part of a transcript.
            self.commands.append(name if name in ("LOGIN", "AUTHENTICATE") else f"{name} {rest}".strip())
            self._run(tag, name, rest)
        else:
            self._bad("*", f"no command: {line[:60]!r}")

    def _run(self, tag: str, name: str, rest: str) -> None:
        anywhere: dict[str, _Handler] = {
            "CAPABILITY": self._capability,
            "NOOP": self._noop,
            "LOGOUT": self._logout,
        }
        before: dict[str, _Handler] = {"LOGIN": self._login, "AUTHENTICATE": self._authenticate}
        after: dict[str, _Handler] = {"SELECT": self._select, "EXAMINE": self._select}
        selected: dict[str, _Handler] = {
            "FETCH": self._fetch,
            "UID FETCH": self._uid_fetch,
            "UID SEARCH": self._search,
            "IDLE": self._idle,
        }
        allowed = dict(anywhere)
        allowed.update(before if self._mailbox is None else after)
        if self._folder is not None:
            allowed.update(selected)
        handler = allowed.get(name)
        if handler is None:
            self._bad(tag, f"{name} is not possible now")
        else:
            handler(tag, rest)

    def _say(self, line: str) -> None:
        self.output += line.encode("utf-8") + b"\r\n"
        self.wake()

    def _bad(self, tag: str, why: str) -> None:
        self.wrong.append(why)
        self._say(f"{tag} BAD {why}")

    # -- commands

    def _capability(self, tag: str, rest: str) -> None:
        more = f" IMAP4rev1 UIDPLUS{' IDLE' if self._idle_offered else ''}"
        self._say(f"* CAPABILITY {self._first if self._mailbox is None else more.strip()}")
        self._say(f"{tag} OK done")

    def _noop(self, tag: str, rest: str) -> None:
        self._tell_changes()
        self._say(f"{tag} OK done")

    def _logout(self, tag: str, rest: str) -> None:
        self._say("* BYE see you")
        self._say(f"{tag} OK done")
        self.close()

    def _login(self, tag: str, rest: str) -> None:
        words = [match[1] if match[1] is not None else match[2] for match in _STRING.finditer(rest)]
        if len(words) != 2:
            return self._bad(tag, "LOGIN wants a user and a password")
        user, password = (re.sub(r'\\(["\\])', r"\1", word) for word in words)
        return self._admit(tag, user, password)

    def _authenticate(self, tag: str, rest: str) -> None:
        method, _, first = rest.partition(" ")
        if method.upper() != "PLAIN":
            self._say(f"{tag} NO [AUTHENTICATIONFAILED] method not offered")
        elif not first:
            self._waiting = tag
            self._say("+ ")
        elif "SASL-IR" not in self._first:
            self._bad(tag, "an initial response was not offered")
        else:
            self._check_plain(tag, first)

    def _check_plain(self, tag: str, given: str) -> None:
        try:
            _, user, password = base64.b64decode(given, validate=True).decode().split("\0")
        except (binascii.Error, ValueError):
            return self._bad(tag, "no PLAIN response")
        return self._admit(tag, user, password)

    def _admit(self, tag: str, user: str, password: str) -> None:
        mailbox = self._mailboxes.get(user)
        if mailbox is None or mailbox.password != password:
            self._say(f"{tag} NO [AUTHENTICATIONFAILED] user or password is wrong")
            return
        self._mailbox = mailbox
        self._say(f"{tag} OK logged in")

    def _select(self, tag: str, rest: str) -> None:
        match = _STRING.fullmatch(rest)
        name = "" if match is None else match[1] if match[1] is not None else match[2]
        folder = self._mailbox.folder(name) if self._mailbox is not None else None
        if self._folder is not None and self._changed in self._folder.watchers:
            self._folder.watchers.remove(self._changed)
        self._folder = folder
        if folder is None:
            self._say(f"{tag} NO [NONEXISTENT] no such folder")
            return
        folder.watchers.append(self._changed)
        self._told = len(folder.mails)
        self._say(r"* FLAGS (\Answered \Flagged \Deleted \Seen \Draft)")
        self._say(f"* {self._told} EXISTS")
        self._say("* 0 RECENT")
        self._say(f"* OK [UIDVALIDITY {folder.validity}] valid")
        self._say(f"* OK [UIDNEXT {folder.next_uid}] next")
        self._say(f"{tag} OK [READ-ONLY] opened")

    def _fetch(self, tag: str, rest: str) -> None:
        mails = self._mails()
        if rest != "* (UID)" or not mails:
            return self._bad(tag, f"FETCH {rest}")
        self._say(f"* {len(mails)} FETCH (UID {mails[-1].uid})")
        return self._say(f"{tag} OK done")

    def _uid_fetch(self, tag: str, rest: str) -> None:
        found, _, items = rest.partition(" ")
        if "BODY[" in items:
            self.wrong.append("BODY[] marks the mail as seen")
        self._tell_changes()
        for number, mail in self._range(found):
            self._say_items(number, mail, items.strip("()"))
        self._say(f"{tag} OK done")

    def _range(self, text: str) -> list[tuple[int, StoredMail]]:
        mails = self._mails()
        first, colon, last = text.partition(":")
        numbered = list(enumerate(mails, 1))
        if not colon:
            return [(number, mail) for number, mail in numbered if mail.uid == int(first)]
        # RFC 9051: `*` is the highest UID, and `n:*` names it even where n is higher.
        low, high = int(first), (mails[-1].uid if mails and last == "*" else int(last if last != "*" else 0))
        low, high = min(low, high), max(low, high)
        return [(number, mail) for number, mail in numbered if low <= mail.uid <= high]

    def _say_items(self, number: int, mail: StoredMail, items: str) -> None:
        if piece := _PIECE.fullmatch(items):
            offset, size = int(piece[1]), int(piece[2])
            data = mail.content[offset : offset + size]
            head = f"* {number} FETCH (UID {mail.uid} BODY[]<{offset}> {{{len(data)}}}\r\n"
            self.output += head.encode() + data + b")\r\n"
            self.wake()
        elif items == "UID RFC822.SIZE INTERNALDATE":
            date = _date(mail.received_at)
            self._say(f'* {number} FETCH (UID {mail.uid} RFC822.SIZE {len(mail.content)} INTERNALDATE "{date}")')
        else:
            self.wrong.append(f"unexpected items: {items}")

    def _search(self, tag: str, rest: str) -> None:
        match = re.fullmatch(r"SINCE (\d{1,2})-([A-Z][a-z]{2})-(\d{4})", rest)
        if match is None:
            return self._bad(tag, f"SEARCH {rest}")
        since = (int(match[3]), _MONTHS.index(match[2]) + 1, int(match[1]))
        dated = ((mail.uid, mail.received_at) for mail in self._mails())
        uids = [str(uid) for uid, at in dated if (at.year, at.month, at.day) >= since]
        self._say(" ".join(["* SEARCH", *uids]))
        return self._say(f"{tag} OK done")

    # -- IDLE

    def _idle(self, tag: str, rest: str) -> None:
        if not self._idle_offered:
            return self._bad(tag, "IDLE was not offered")
        self._idling = tag
        self._say("+ idling")
        return self._tell_changes()

    def _end_idle(self, line: bytes) -> None:
        tag, self._idling = self._idling, ""
        if line.upper() != b"DONE":
            self._bad(tag, "only DONE ends IDLE")
            self.hang_up()
            return
        self._say(f"{tag} OK idled")

    def _changed(self) -> None:
        if self._idling:
            self._tell_changes()

    def _tell_changes(self) -> None:
        count = len(self._mails())
        while self._told > count:
            self._say(f"* {self._told} EXPUNGE")
            self._told -= 1
        if count > self._told:
            self._told = count
            self._say(f"* {count} EXISTS")

    def _mails(self) -> list[StoredMail]:
        return self._folder.mails if self._folder is not None else []


def _nothing() -> None:
    """Nobody waits."""


def _date(at: datetime) -> str:
    return f"{at.day:2d}-{_MONTHS[at.month - 1]}-{at.year} {at:%H:%M:%S} +0000"
