"""Mailboxes of a simulated mail host: folders with UIDs that ascend and a UIDVALIDITY."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A mail in a folder."""

    uid: int
    content: bytes
    received_at: datetime


@dataclass(slots=True)
class Folder:
    """One folder. Whoever looks at it is told when mail comes or goes."""

    name: str
    validity: int = 1
    next_uid: int = 1
    mails: list[StoredMail] = field(default_factory=list[StoredMail])
    watchers: list[Callable[[], None]] = field(default_factory=list[Callable[[], None]])

    def deliver(self, content: bytes, at: datetime) -> int:
        """Puts a mail in; gives its UID."""
        uid, self.next_uid = self.next_uid, self.next_uid + 1
        self.mails.append(StoredMail(uid, content, at))
        self._tell()
        return uid

    def remove(self, uid: int) -> None:
        """Expunges a mail."""
        self.mails = [mail for mail in self.mails if mail.uid != uid]
        self._tell()

    def renumber(self) -> None:
        """What a restored backup or a moved server does: all UIDs become void."""
        self.validity += 1
        kept = [StoredMail(uid, mail.content, mail.received_at) for uid, mail in enumerate(self.mails, 1)]
        self.mails, self.next_uid = kept, len(kept) + 1

    def _tell(self) -> None:
        for watcher in list(self.watchers):
            watcher()


class Mailbox:
    """A person's or an account's mailbox: INBOX, Junk, and what else is asked for."""

    def __init__(self, user: str, password: str) -> None:
        self.user = user
        self.password = password
        self.folders: dict[str, Folder] = {name: Folder(name) for name in ("INBOX", "Junk")}

    @property
    def inbox(self) -> Folder:
        """Where mail arrives."""
        return self.folders["INBOX"]

    def folder(self, name: str) -> Folder | None:
        """A folder by name; INBOX in any case."""
        return self.folders.get("INBOX" if name.upper() == "INBOX" else name)
