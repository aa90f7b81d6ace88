"""What the IMAP tests share: a mailbox to read, and a driver that joins a session to a server without a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from omnichannel.channel.session import Begin, Chunk, Close, Finish, Reset, Send, SessionAction
from omnichannel.kit.imap.session import ImapMailbox, ImapSession
from omnichannel.kit.mail_url import parse_mail_url
from omnichannel.testing.simulators.mail_box import Mailbox
from omnichannel.testing.simulators.mail_imap import ImapServer
from tests.kit.mail.given_mail import NOW

HERE = "imap://a:p@127.0.0.1"


def reading(url: str = "imaps://care:pass-word@mail.example.com", **changes: Any) -> ImapMailbox:
    """A mailbox as its URL says; a token may be given as text."""
    found = parse_mail_url(url, "imap")
    return replace(ImapMailbox(url=found, user=found.user or "care@example.com"), **changes)


class Wire:
    """Joins a session to the simulated server; keeps what it did. Commits at once unless `hold`."""

    def __init__(self, server: Mailbox, cursor: str | None = None, *, hold: bool = False, **options: Any) -> None:
        server_options = {name: options.pop(name) for name in ("idle", "sasl_ir") if name in options}
        url = f"imap://{server.user}:{server.password}@127.0.0.1"
        self.session = ImapSession(reading(**{"url": url, **options}), cursor)
        self.server = ImapServer({server.user: server}, **server_options)
        self.hold = hold
        self.now = NOW
        self.actions: list[SessionAction] = []
        self.mails: list[tuple[str, bytes, dict[str, str]]] = []
        self.cursors: list[str] = []
        self._item: tuple[str, dict[str, str]] = ("", {})
        self._content = bytearray()
        self.do(self.session.start(self.now))
        self.pump()

    @property
    def closed(self) -> Close | None:
        return next((one for one in self.actions if isinstance(one, Close)), None)

    def do(self, actions: Sequence[SessionAction]) -> None:
        self.actions.extend(actions)
        for action in actions:
            match action:
                case Send(data):
                    if not self.server.closed:
                        self.server.feed(data)
                case Begin(id=name, headers=headers):
                    self._item, self._content = (name, dict(headers)), bytearray()
                case Chunk(data):
                    self._content += data
                case Finish(name, cursor):
                    assert name == self._item[0]
                    self.mails.append((name, bytes(self._content), self._item[1]))
                    self.cursors.append(cursor)
                    if not self.hold:
                        self.do(self.session.committed(cursor, self.now))
                case Reset(cursor, _):
                    self.cursors.append(cursor)
                case _:
                    pass

    def pump(self, size: int = 65_536) -> None:
        """Moves bytes until the server has nothing more to say."""
        while self.server.output and self.closed is None:
            data = bytes(self.server.output[:size])
            del self.server.output[:size]
            self.do(self.session.receive(data, self.now))

    def later(self, by: timedelta) -> None:
        """Lets time pass."""
        self.now += by
        self.do(self.session.tick(self.now))
        self.pump()
