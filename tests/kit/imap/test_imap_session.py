"""The IMAP client against a strict server: what it says, what it takes over, and how it ends."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from omnichannel.channel.session import Begin, Chunk, Close, Finish, Reset, Send, StartTls, WakeAt
from omnichannel.kit.imap.places import Place, read_places, write_places
from omnichannel.kit.imap.responses import folder_name
from omnichannel.kit.imap.session import ImapSession
from omnichannel.testing.simulators.mail_box import Folder, Mailbox
from tests.kit.imap.given_imap import HERE, Wire, reading
from tests.kit.mail.given_mail import NOW, RECEIVED, mail

LARGE = mail() + b"x" * 200_000


def box(*contents: bytes) -> Mailbox:
    found = Mailbox("care", "pass-word")
    for content in contents:
        found.inbox.deliver(content, RECEIVED)
    return found


def test_the_first_connection_begins_after_what_is_there() -> None:
    wire = Wire(box(mail(), mail()))
    assert wire.cursors == ["1:2"]
    assert wire.mails == []
    assert wire.server.commands[-1] == "IDLE"
    assert wire.server.wrong == []


def test_new_mail_is_pushed_streamed_and_committed() -> None:
    mailbox = box(mail())
    wire = Wire(mailbox, "1:1")
    mailbox.inbox.deliver(LARGE, RECEIVED)
    wire.pump()
    ((name, content, headers),) = wire.mails
    assert name == "INBOX/1/2"
    assert content == LARGE
    assert headers == {
        "x-imap-folder": "INBOX",
        "x-imap-uidvalidity": "1",
        "x-imap-uid": "2",
        "x-imap-internaldate": "2027-01-04T08:59:00+00:00",
        "x-imap-size": str(len(LARGE)),
    }
    assert wire.cursors == ["1:2"]
    assert "UID FETCH 2 (BODY.PEEK[]<65536.65536>)" in wire.server.commands
    assert wire.server.commands[-1] == "IDLE"
    assert wire.server.wrong == []


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 131_072, 0])
def test_a_mail_of_any_size_is_whole(size: int) -> None:
    content = (mail() + b"y" * 140_000)[:size]
    wire = Wire(box(content), "1:0")
    assert [one[1] for one in wire.mails] == [content]
    assert wire.server.wrong == []


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_slices_do_not_matter(size: int) -> None:
    mailbox = box()
    wire = Wire(mailbox, "1:0")
    content = LARGE[: 100 * size]
    mailbox.inbox.deliver(content, RECEIVED)
    wire.pump(size)
    assert [one[1] for one in wire.mails] == [content]


def test_the_next_mail_waits_for_the_commit() -> None:
    wire = Wire(box(mail(), mail("two"), mail("three")), "1:0", hold=True)
    assert wire.cursors == ["1:1"]
    wire.do(wire.session.committed("1:1", wire.now))
    wire.pump()
    assert wire.cursors == ["1:1", "1:2"]
    wire.do(wire.session.committed("something else", wire.now))
    wire.pump()
    assert wire.cursors == ["1:1", "1:2"]


def test_only_what_is_newer_than_the_cursor() -> None:
    wire = Wire(box(mail(), mail("two"), mail("three")), "1:2")
    assert [one[0] for one in wire.mails] == ["INBOX/1/3"]
    # `4:*` names mail 3 again: the trap of RFC 9051.
    assert "UID FETCH 4:* (UID RFC822.SIZE INTERNALDATE)" in wire.server.commands


def test_a_changed_uidvalidity_resyncs_by_date() -> None:
    mailbox = box(mail())
    mailbox.inbox.mails = []
    mailbox.inbox.deliver(mail("old"), RECEIVED - timedelta(days=30))
    mailbox.inbox.deliver(mail("new"), RECEIVED - timedelta(days=2))
    mailbox.inbox.renumber()
    wire = Wire(mailbox, "1:57")
    resets = [one for one in wire.actions if isinstance(one, Reset)]
    assert resets == [Reset("2:1", "UIDVALIDITY changed: INBOX")]
    assert "UID SEARCH SINCE 28-Dec-2026" in wire.server.commands
    assert [one[0] for one in wire.mails] == ["INBOX/2/2"]


def test_a_changed_uidvalidity_with_nothing_recent_begins_at_the_end() -> None:
    mailbox = Mailbox("care", "pass-word")
    mailbox.inbox.deliver(mail(), RECEIVED - timedelta(days=30))
    mailbox.inbox.renumber()
    wire = Wire(mailbox, "1:57")
    assert wire.cursors == ["2:1"]
    assert wire.mails == []


def test_idle_is_renewed_and_a_silent_server_is_dead() -> None:
    wire = Wire(box(), "1:0")
    assert WakeAt(NOW + timedelta(minutes=4)) in wire.actions
    wire.later(timedelta(minutes=2))
    assert wire.server.commands.count("IDLE") == 1
    wire.later(timedelta(minutes=2))
    assert wire.server.commands.count("IDLE") == 2
    wire.server.output.clear()
    wire.now += timedelta(minutes=4)
    wire.do(wire.session.tick(wire.now))
    assert wire.actions[-2] == Send(b"DONE\r\n")
    wire.do(wire.session.tick(wire.now + timedelta(seconds=59)))
    assert wire.closed is None
    wire.do(wire.session.tick(wire.now + timedelta(seconds=61)))
    assert wire.closed == Close("the server is silent")
    assert wire.session.tick(wire.now) == ()


def test_without_idle_it_asks_every_minute() -> None:
    mailbox = box()
    wire = Wire(mailbox, "1:0", idle=False)
    mailbox.inbox.deliver(mail(), RECEIVED)
    wire.pump()
    assert wire.mails == []
    wire.later(timedelta(seconds=30))
    assert wire.mails == []
    wire.later(timedelta(seconds=30))
    assert len(wire.mails) == 1
    assert "IDLE" not in wire.server.commands
    assert wire.server.wrong == []


def test_other_folders_are_read_beside_the_first() -> None:
    mailbox = box()
    mailbox.folders["Möbel & Co"] = Folder("Möbel & Co")
    mailbox.folders["M&APY-bel &- Co"] = mailbox.folders["Möbel & Co"]
    mailbox.folders["Junk"].deliver(mail("spam?"), RECEIVED)
    folders = ("INBOX", "Junk", "Möbel & Co", "No such")
    wire = Wire(mailbox, "1:0;Junk=1:0", folders=folders)
    assert [one[0] for one in wire.mails] == ["Junk/1/1"]
    assert wire.cursors[-1] == "1:0;Junk=1:1;M%C3%B6bel%20%26%20Co=1:0"
    mailbox.folders["Junk"].deliver(mail("again"), RECEIVED)
    wire.pump()
    assert len(wire.mails) == 1
    wire.later(timedelta(minutes=4))
    assert [one[0] for one in wire.mails] == ["Junk/1/1", "Junk/1/2"]
    assert wire.server.commands[-1] == "IDLE"
    assert wire.server.commands.count('EXAMINE "No such"') == 1


@pytest.mark.parametrize(
    ("options", "reason", "auth"),
    [
        ({"url": "imap://care:wrong@127.0.0.1"}, "login refused", True),
        ({"access_token": SecretStr("abc")}, "login refused", True),
        ({"folders": ("Nowhere",)}, "folder Nowhere cannot be opened", False),
    ],
)
def test_what_cannot_work_ends_the_session(options: dict[str, Any], reason: str, auth: bool) -> None:
    wire = Wire(box(), **options)
    assert wire.closed is not None
    assert wire.closed.reason.startswith(reason)
    assert wire.closed.auth is auth


@pytest.mark.parametrize("sasl_ir", [True, False])
def test_login_by_sasl_with_and_without_an_initial_response(sasl_ir: bool) -> None:
    wire = Wire(box(), sasl_ir=sasl_ir)
    assert wire.server.wrong == []
    assert wire.server.commands[-1] == "IDLE"


def speak(session: ImapSession, *lines: bytes) -> list[object]:
    """What the session does when a server says these lines, whatever it asks."""
    actions: list[object] = list(session.start(NOW))
    for line in lines:
        actions.extend(session.receive(line + b"\r\n", NOW))
    return actions


def speak_on(session: ImapSession, *lines: bytes) -> list[object]:
    return [action for line in lines for action in session.receive(line + b"\r\n", NOW)]


def imap(url: str, **changes: Any) -> ImapSession:
    return ImapSession(reading(url, **changes), None)


def sent(actions: list[object]) -> list[bytes]:
    return [one.data for one in actions if isinstance(one, Send)]


def test_login_with_a_password_to_be_quoted() -> None:
    actions = speak(imap("imap://a:p%22w%5C@127.0.0.1"), b"* OK [CAPABILITY IMAP4rev1] hello")
    assert sent(actions) == [b'a1 LOGIN "a" "p\\"w\\\\"\r\n']


@pytest.mark.parametrize(
    ("url", "greeting", "reason"),
    [
        ("imap://a:p%C3%A9@127.0.0.1", b"* OK [CAPABILITY IMAP4rev1] hello", "cannot be sent by LOGIN"),
        ("imap://a:p@127.0.0.1", b"* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] hello", "takes no password"),
        ("imap://a:p@127.0.0.1", b"* PREAUTH [CAPABILITY IMAP4rev1] hello", "before the connection was secured"),
        ("imap://a:p@127.0.0.1", b"* BYE full", "the server closed: full"),
        ("imap://a:p@127.0.0.1", b"HTTP/1.1 400 Bad Request", "refused the connection"),
    ],
)
def test_a_server_that_will_not_do(url: str, greeting: bytes, reason: str) -> None:
    (close,) = (one for one in speak(imap(url), greeting) if isinstance(one, Close))
    assert reason in close.reason


def test_a_login_that_is_refused_for_another_reason_is_no_wrong_password() -> None:
    url = "imap://a:p@127.0.0.1"
    hello = b"* OK [CAPABILITY IMAP4rev1] hello"
    assert speak(imap(url), hello, b"a1 NO [UNAVAILABLE] later")[-1] == Close("login refused: [UNAVAILABLE] later")
    assert speak(imap(url), hello, b"a1 NO no")[-1] == Close("login refused: no", auth=True)


def test_a_token_logs_in_by_xoauth2_and_its_error_is_answered() -> None:
    session = imap("imaps://a@mail.example.com", access_token=SecretStr("t"))
    actions = speak(session, b"* OK [CAPABILITY IMAP4rev1] hi", b"+ ", b"+ eyJz", b"a1 NO bad token")
    first = b"dXNlcj1hAWF1dGg9QmVhcmVyIHQBAQ==\r\n"
    assert sent(actions) == [b"a1 AUTHENTICATE XOAUTH2\r\n", first, b"\r\n"]
    assert actions[-1] == Close("login refused: bad token", auth=True)


def test_starttls_before_the_password() -> None:
    session = imap("imap+starttls://a:p@mail.example.com")
    actions = speak(session, b"* OK [CAPABILITY IMAP4rev1 STARTTLS AUTH=PLAIN] hi", b"a1 OK go")
    assert sent(actions) == [b"a1 STARTTLS\r\n"]
    assert StartTls() in actions
    assert sent(list(session.start(NOW))) == [b"a2 CAPABILITY\r\n"]
    more = session.receive(b"* CAPABILITY IMAP4rev1\r\na2 OK done\r\n", NOW)
    # What was offered before TLS counts no more.
    assert sent(list(more)) == [b'a3 LOGIN "a" "p"\r\n']


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((b"a1 NO not here",), "the server offers no TLS: not here"),
        ((b"a1 OK go\r\n* CAPABILITY IMAP4rev1 AUTH=EVIL",), "the server spoke before TLS began"),
    ],
)
def test_starttls_that_fails_ends_before_the_password(lines: tuple[bytes, ...], reason: str) -> None:
    session = imap("imap+starttls://a:p@mail.example.com")
    actions = speak(session, b"* OK [CAPABILITY STARTTLS] hi", *lines)
    assert actions[-1] == Close(reason)
    assert sent(actions) == [b"a1 STARTTLS\r\n"]


def test_tls_that_does_not_come_in_time() -> None:
    session = imap("imap+starttls://a:p@mail.example.com")
    speak(session, b"* OK [CAPABILITY STARTTLS] hi", b"a1 OK go")
    assert list(session.tick(NOW + timedelta(seconds=61))) == [Close("TLS was not ready in time")]


LOGGED_IN = (
    b"* OK [CAPABILITY IMAP4rev1] hi",
    b"a1 OK in",
    b"* CAPABILITY IMAP4rev1",
    b"a2 OK",
    b"* 3 EXISTS",
    b"* OK [UIDVALIDITY 9] v",
    b"* OK [UIDNEXT 8] n",
    b"a3 OK [READ-ONLY] open",
)


def opened(*lines: bytes, cursor: str = "9:4") -> list[object]:
    session = ImapSession(reading(HERE), cursor)
    return speak(session, *LOGGED_IN, *lines)


def test_bodies_as_strings_and_whole_and_missing_ones() -> None:
    actions = opened(
        b'* 1 FETCH (UID 5 RFC822.SIZE 7 INTERNALDATE "nonsense to us")',
        b"* 2 FETCH (UID 6 RFC822.SIZE 5)",
        b"* 3 FETCH (UID 7 RFC822.SIZE 5)",
        b"* 3 FETCH (UID 4 RFC822.SIZE 5)",
        b"* 2 FETCH (FLAGS ())",
        b"a4 OK listed",
        b'* 1 FETCH (BODY[]<0> "a\\"b\\\\")',
        b"a5 OK",
    )
    assert actions[-1] == Finish("INBOX/9/5", "9:5")
    assert [one.data for one in actions if isinstance(one, Chunk)] == [b'a"b\\']


def test_a_server_that_sends_the_whole_mail_at_once() -> None:
    session = ImapSession(reading(HERE), "9:4")
    whole = b"z" * 65_536
    actions = speak(
        session,
        *LOGGED_IN,
        b"* 1 FETCH (UID 5 RFC822.SIZE 65536)",
        b"a4 OK",
        b"* 1 FETCH (UID 5 BODY[] {65536}",
        whole + b")",
        b"a5 OK",
    )
    assert actions[-1] == Finish("INBOX/9/5", "9:5")
    assert b"".join(one.data for one in actions if isinstance(one, Chunk)) == whole


def test_a_mail_that_vanishes_is_passed_over() -> None:
    listed = (b"* 1 FETCH (UID 5 RFC822.SIZE 5)", b"* 1 FETCH (UID 6 RFC822.SIZE 5)", b"a4 OK")
    actions = opened(*listed, b"a5 OK", b"* 1 FETCH (BODY[]<0> NIL UID 6)", b"a6 OK", b"a7 OK")
    assert not [one for one in actions if isinstance(one, Begin | Finish)]
    assert sent(actions)[-1] == b"a7 UID FETCH 7:* (UID RFC822.SIZE INTERNALDATE)\r\n"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((b"a4 BAD what?",), "the server does not understand us: what?"),
        ((b"* 1 FETCH (UID 5 RFC822.SIZE 5)", b"a4 OK", b"a5 NO broken"), "mail INBOX/9/5 cannot be fetched: broken"),
        ((b"+ go on",), "the server waits for something that it was not promised"),
        ((b"x" * 1_100_000,), "a response is too long"),
        ((b"* LIST {99999999}",), "a response is too long"),
        ((b"* BYE shutting down",), "the server closed: shutting down"),
    ],
)
def test_servers_that_misbehave_end_the_session(lines: tuple[bytes, ...], reason: str) -> None:
    assert opened(*lines)[-1] == Close(reason)


def test_other_literals_are_passed_over() -> None:
    session = ImapSession(reading(HERE), "9:7")
    speak(session, *LOGGED_IN, b"* LIST () {7}", b"a4 OK\r\n more", b"a4 OK")
    assert sent(list(session.tick(NOW + timedelta(seconds=60)))) == [b"a5 NOOP\r\n"]


def test_no_is_an_empty_list_and_a_mail_too_large_is_cut() -> None:
    assert sent(opened(b"a4 NO nothing there"))[-1].endswith(b"UID FETCH 5:* (UID RFC822.SIZE INTERNALDATE)\r\n")
    wire = Wire(box(mail() + b"x" * 300_000), "1:0", max_bytes=100_000)
    assert [len(one[1]) for one in wire.mails] == [100_000]


def test_without_uidnext_the_last_uid_is_asked_for() -> None:
    session = ImapSession(reading(HERE), None)
    lines = [line for line in LOGGED_IN if b"UIDNEXT" not in line]
    actions = speak(session, *lines, b"* 3 FETCH (UID 41)", b"a4 OK")
    assert sent(actions)[3] == b"a4 FETCH * (UID)\r\n"
    assert Reset("9:41", "first connection: INBOX") in actions


def test_an_empty_folder_without_uidnext_begins_at_its_start() -> None:
    session = ImapSession(reading(HERE), None)
    lines = [line for line in LOGGED_IN if b"UIDNEXT" not in line and b"EXISTS" not in line]
    assert Reset("9:0", "first connection: INBOX") in speak(session, *lines)


def test_a_long_backlog_is_listed_in_portions() -> None:
    lines = [b"* %d FETCH (UID %d RFC822.SIZE 5)" % (number, number) for number in range(1_000, 4, -1)]
    session = ImapSession(reading(HERE), "9:4")
    speak(session, *LOGGED_IN, *lines, b"a4 OK")
    asked: list[bytes] = []
    for tag in range(5, 300):
        for one in session.receive(b"a%d OK\r\n" % tag, NOW):
            asked.extend([one.data] if isinstance(one, Send) else [])
        if b":*" in asked[-1]:
            break
    assert len(asked) == 200
    assert asked[0].startswith(b"a6 UID FETCH 6 ")
    assert asked[-1] == b"a205 UID FETCH 205:* (UID RFC822.SIZE INTERNALDATE)\r\n"


IDLING = [line.replace(b"* CAPABILITY IMAP4rev1", b"* CAPABILITY IMAP4rev1 IDLE") for line in LOGGED_IN]


def test_idle_that_the_server_ends_and_mail_that_goes() -> None:
    session = ImapSession(reading(HERE), "9:7")
    actions = speak(session, *IDLING, b"a4 OK", b"* STATUS of something else", b"+ idling", b"* 1 EXPUNGE", b"a5 OK")
    assert sent(actions)[-1].startswith(b"a6 UID FETCH 8:*")
    # Two were left, so a third one is new.
    more = speak_on(session, b"a6 OK", b"+ idling", b"* 2 EXISTS", b"* 3 EXISTS")
    assert sent(more) == [b"a7 IDLE\r\n", b"DONE\r\n"]


def test_tls_that_takes_its_time() -> None:
    session = imap("imap+starttls://a:p@mail.example.com")
    speak(session, b"* OK [CAPABILITY STARTTLS] hi", b"a1 OK go")
    assert list(session.tick(NOW + timedelta(seconds=30))) == []
    assert sent(list(session.start(NOW + timedelta(seconds=31)))) == [b"a2 CAPABILITY\r\n"]


def test_nothing_comes_after_the_end() -> None:
    session = imap("imap://a:p@127.0.0.1")
    assert speak(session, b"* BYE")[-1] == Close("the server closed: ")
    assert session.receive(b"x" * 2_000_000, NOW) == ()
    assert session.start(NOW) == ()
    assert ImapSession(reading(), None).receive(b"* OK early\r\n", NOW) == []


def test_a_refused_idle_falls_back_to_asking() -> None:
    session = ImapSession(reading(HERE), "9:7")
    lines = [line.replace(b"* CAPABILITY IMAP4rev1", b"* CAPABILITY IMAP4rev1 IDLE") for line in LOGGED_IN]
    actions = speak(session, *lines, b"a4 OK", b"a5 NO not now", b"a6 OK")
    assert sent(actions)[-2:] == [b"a5 IDLE\r\n", b"a6 UID FETCH 8:* (UID RFC822.SIZE INTERNALDATE)\r\n"]
    assert sent(list(session.tick(NOW + timedelta(seconds=60)))) == [b"a7 NOOP\r\n"]


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_garbage_never_raises(pieces: list[bytes]) -> None:
    session = ImapSession(reading(), "1:1")
    session.start(NOW)
    for piece in pieces:
        session.receive(piece, NOW)
        session.tick(NOW)


WORDS = st.sampled_from(
    [
        b"* OK [CAPABILITY IMAP4rev1 IDLE AUTH=PLAIN SASL-IR] hi\r\n",
        *(b"a%d OK done\r\n" % number for number in range(1, 12)),
        b"a4 NO x\r\n",
        b"+ \r\n",
        b"* 5 EXISTS\r\n",
        b"* 99999999999999999999 EXISTS\r\n",
        b"* 1 EXPUNGE\r\n",
        b"* OK [UIDVALIDITY 1] x\r\n",
        b"* OK [UIDNEXT 99999999999999999999] x\r\n",
        b'* 1 FETCH (UID 7 RFC822.SIZE 5 INTERNALDATE "01-Jan-2027 00:00:00 +9999")\r\n',
        b"* 1 FETCH (UID 7 BODY[]<0> {5}\r\nabcde)\r\n",
        b"* 1 FETCH (UID 7 BODY[]<0> {9999999}\r\n",
        b'* 1 FETCH (UID 7 BODY[] "abc\\\r\n',
        b"* SEARCH 1 2 x\r\n",
        b"{3}\r\n",
        b"\r\n",
        b"\x00\xff",
    ]
)


@given(st.lists(WORDS, max_size=40), st.booleans(), st.none() | st.just("1:1") | st.just("9:9;x"))
def test_a_confused_server_never_raises(words: list[bytes], slow: bool, cursor: str | None) -> None:
    session = ImapSession(reading(), cursor)
    now = NOW
    actions = list(session.start(now))
    for word in words:
        for piece in [word[:3], word[3:]] if slow else [word]:
            actions.extend(session.receive(piece, now))
        now += timedelta(seconds=50)
        actions.extend(session.tick(now))
        for action in [one for one in actions if isinstance(one, Finish)][-1:]:
            actions.extend(session.committed(action.cursor, now))
    assert sum(isinstance(one, Close) for one in actions) <= 1


@pytest.mark.parametrize(
    ("cursor", "places"),
    [
        (None, {}),
        ("7:45", {"INBOX": Place(7, 45)}),
        ("7:45;Junk%3B=3:12", {"INBOX": Place(7, 45), "Junk;": Place(3, 12)}),
        ("x:1;Other=1:2;;=;Junk%3B=1:²", {}),
    ],
)
def test_cursors(cursor: str | None, places: dict[str, Place]) -> None:
    folders = ("INBOX", "Junk;")
    assert read_places(cursor, folders) == places
    if places:
        assert write_places(places, folders) == cursor


@pytest.mark.parametrize(
    ("name", "coded"),
    [("INBOX", b'"INBOX"'), ('a"b', b'"a\\"b"'), ("~peter/mail/台北/日本語", b'"~peter/mail/&U,BTFw-/&ZeVnLIqe-"')],
)
def test_folder_names_are_coded_as_rfc_3501_says(name: str, coded: bytes) -> None:
    assert folder_name(name) == coded
