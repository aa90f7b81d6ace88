"""Hostile and huge mails: bounded time, bounded memory, never an exception."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from omnichannel.kit.mail.addresses import mailboxes
from omnichannel.kit.mail.headers import parameters, words
from omnichannel.kit.mail.mime import BytesReader, scan
from omnichannel.kit.mail.receive import receive
from omnichannel.model.event import CHANNEL_EVENT, MessageReceived
from tests.kit.mail.given_mail import account, envelope, events

FROM = b"From: a@b.example\r\n"


def nested(levels: int) -> bytes:
    part = b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n"
    return FROM + b"".join(part % (level, level) for level in range(levels)) + b"\r\nin the middle"


def siblings(count: int, part: bytes) -> bytes:
    head = FROM + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
    return head + (b"--b\r\n" + part + b"\r\n") * count


BOMBS = {
    "5,000 nested parts": nested(5_000),
    "20,000 encoded words": FROM + b"Subject: " + b"=?utf-8?q?=C3=A9?= " * 20_000 + b"\r\n\r\nx",
    "20,000 encoded words in lines": FROM + b"Subject: " + b"=?utf-8?b?w6k=?=\r\n " * 20_000 + b"\r\n\r\nx",
    "words of an unknown charset": FROM + b"Subject: " + b"=?x-9?q?=E9=E8?= " * 5_000 + b"\r\n\r\nx",
    "50,000 addresses": FROM + b"To: " + b", ".join(b"u%d@example.org" % n for n in range(50_000)) + b"\r\n\r\nx",
    "50,000 fields": FROM + b"X-A: \xff\xfe\r\n" * 50_000 + b"\r\nx",
    "50,000 open brackets": FROM + b"Cc: " + b'<"(' * 20_000 + b"\r\n\r\nx",
    "5,000 parts": siblings(5_000, b"Content-Type: text/plain\r\n\r\nx"),
    "5,000 parts of unknown letters": siblings(200, b"Content-Type: text/plain\r\n\r\n" + bytes(range(128, 256)) * 30),
    "5,000 empty multiparts": siblings(5_000, b"Content-Type: multipart/mixed; boundary=c\r\n\r\n--c--"),
    "boundaries everywhere": siblings(0, b"") + b"\n--" * 300_000,
    "long boundary lines": siblings(0, b"") + (b"\n--b" + b" " * 500) * 1_000,
    "no end of the header": FROM + b"X: " + b"y" * 1_000_000,
    "parameters": FROM + b"Content-Type: text/plain; " + b"a*1=b; " * 5_000 + b"\r\n\r\nx",
    "references": FROM + b"References: " + b"<a@b> " * 10_000 + b"\r\n\r\nx",
    "quoted-printable": FROM + b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=" * 300_000,
    "base64": FROM + b"Content-Transfer-Encoding: base64\r\n\r\n" + b"A=" * 150_000,
    "uuencode": FROM + b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin 644 x\n" + b"M\n" * 100_000,
    "utf-7": FROM + b"Content-Type: text/plain; charset=utf-7\r\n\r\n" + b"+" * 200_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_become_small_messages(name: str) -> None:
    """What they cost is measured by `make bench`."""
    (event,) = events(BOMBS[name])
    assert isinstance(event, MessageReceived)
    assert len(event.attachments) <= 100
    assert len(event.text) <= 262_144
    assert len(event.others) <= 200
    assert sum(map(len, event.context.values())) <= 4_000


def test_caps_are_told() -> None:
    for content in (nested(21), siblings(101, b"\r\nx")):
        found = scan(BytesReader(content))
        assert found.cut
        assert len(found.leaves) <= 100
    assert not scan(BytesReader(nested(20))).cut
    assert not scan(BytesReader(siblings(100, b"\r\nx"))).cut
    assert len(scan(BytesReader(siblings(100, b"\r\nx"))).leaves) == 100


PIECES = st.lists(
    st.sampled_from(
        [
            b"From: Ann <a@b.example>\r\n",
            b"From: =?utf-8?q?=?= <\r\n",
            b"To: care@example.com, (((\r\n",
            b"Subject: =?utf-8?b?4p?=\r\n",
            b'Content-Type: multipart/mixed; boundary="x\r\n',
            b"Content-Type: multipart/alternative; boundary=x\r\n",
            b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n",
            b"Content-Type: text/html; charset=utf-16\r\n",
            b"Content-Type: message/delivery-status\r\n",
            b"Content-Type: text/plain; charset=\xff; format=flowed\r\n",
            b"Content-Transfer-Encoding: base64\r\n",
            b"Content-Transfer-Encoding: quoted-printable\r\n",
            b"Content-Transfer-Encoding: x-uuencode\r\n",
            b"Content-Disposition: attachment; filename*0*=a'b'%ZZ; filename*99999=x\r\n",
            b"Date: Mon, 32 Jan 99999 25:61:61 +9999\r\n",
            b"References: <<>> <a@b> <\r\n",
            b"Authentication-Results: mx.example.com; dmarc=pass; ;; =\r\n",
            b"Reply-To: ,;:<>\r\n",
            b"\r\n",
            b"\r\n--x\r\n",
            b"\r\n--x--\r\n",
            b"> On 1:1 a@b wrote:\r\n",
            b"begin 644 x\n#0V%T\n",
            b"<blockquote type=cite><table><td>",
            b"\x00\xff\xfe\x80",
            b"=3D=\r\n==\r\n",
            b"Action: failed\r\nStatus: 5.x\r\n",
        ]
    )
    | st.binary(max_size=40),
    max_size=30,
)


@given(PIECES)
def test_any_mail_has_events_that_can_be_kept(pieces: list[bytes]) -> None:
    for content in (b"".join(pieces), FROM + b"".join(pieces)):
        found = receive(envelope(content), account())
        assert len(found) >= 1
        for event in found:
            CHANNEL_EVENT.dump_json(event)
            assert "the parser failed" not in getattr(event, "reason", "")


@given(st.text(max_size=300))
def test_header_readers_take_any_text(value: str) -> None:
    words(value)
    parameters(value)
    for one in mailboxes(value):
        assert one.address.count("@") == 1
        assert "\n" not in one.address


@given(st.binary(max_size=2_000), st.integers(1, 50))
def test_parts_lie_within_the_mail(content: bytes, cut: int) -> None:
    raw = siblings(2, content)[: -cut or None]
    for leaf in scan(BytesReader(raw)).leaves:
        assert 0 <= leaf.offset <= leaf.offset + leaf.length <= len(raw)


RECEIVE_LARGE = """
import tempfile
from pathlib import Path
from omnichannel.channel import Envelope
from omnichannel.channel.session import Chunk, Finish, Send
from omnichannel.kit.transfer import decode, transfer_encoding
from omnichannel.kit.imap.session import ImapSession
from omnichannel.kit.mail.receive import receive
from tests.kit.imap.given_imap import HERE, reading
from tests.kit.mail.given_mail import NOW, account, mail

HEAD = (b"From: a@b.example\\r\\nContent-Type: multipart/mixed; boundary=b\\r\\n\\r\\n"
        b"--b\\r\\n\\r\\nSee the film\\r\\n--b\\r\\nContent-Type: video/mp4; name=film.mp4\\r\\n"
        b"Content-Transfer-Encoding: base64\\r\\n\\r\\n")
LINE = b"QUJD" * 19 + b"\\r\\n"
TAIL = b"--b--\\r\\n"
COUNT = 30_000_000 // len(LINE)
SIZE = len(HEAD) + COUNT * len(LINE) + len(TAIL)

def piece(offset, size):
    # The mail at an offset, without ever having it.
    out = b""
    while size > 0 and offset < SIZE:
        if offset < len(HEAD):
            part = HEAD[offset:offset + size]
        elif offset < SIZE - len(TAIL):
            start = (offset - len(HEAD)) % len(LINE)
            left = SIZE - len(TAIL) - offset
            part = (LINE * (size // len(LINE) + 2))[start:start + min(size, left)]
        else:
            part = TAIL[offset - (SIZE - len(TAIL)):][:size]
        out += part
        offset += len(part)
        size -= len(part)
    return out

class File:
    def __init__(self, file, size):
        self.file, self.size = file, size
    def read(self, offset, size):
        self.file.seek(offset)
        return self.file.read(size)

def parse_small():
    for _ in range(3):
        receive(Envelope(source="session", content=mail("warm", html="<p>up"), received_at=NOW), account())

def peak():
    # Not getrusage: its peak is inherited from the process that started this one.
    return next(int(line.split()[1]) for line in Path("/proc/self/status").open() if line.startswith("VmHWM"))

parse_small()
before = peak()
session = ImapSession(reading(HERE), "9:4")
spool = tempfile.TemporaryFile()
finished = False
waiting = [session.start(NOW), session.receive(b"* OK [CAPABILITY IMAP4rev1] hi\\r\\na1 OK\\r\\na2 OK\\r\\n"
    b"* OK [UIDVALIDITY 9]\\r\\na3 OK\\r\\n* 1 FETCH (UID 5 RFC822.SIZE %d)\\r\\na4 OK\\r\\n" % SIZE, NOW)]
while not finished:
    answers = []
    for actions in waiting:
        for action in actions:
            if isinstance(action, Chunk):
                spool.write(action.data)
            elif isinstance(action, Finish):
                finished = True
            elif isinstance(action, Send) and b"BODY.PEEK" in action.data:
                tag, rest = action.data.split(b" ", 1)
                offset = int(rest.split(b"<")[1].split(b".")[0])
                data = piece(offset, 65536)
                answers.append(b"* 1 FETCH (UID 5 BODY[]<%d> {%d}\\r\\n" % (offset, len(data)))
                answers.append(data + b")\\r\\n" + tag + b" OK\\r\\n")
    waiting = [session.receive(answer, NOW) for answer in answers]
assert spool.tell() == SIZE, (spool.tell(), SIZE)
envelope = Envelope(source="session", blob=File(spool, SIZE), blob_id="ab", received_at=NOW)
(event,) = receive(envelope, account())
(media,) = event.attachments
assert (event.text, media.name) == ("See the film", "film.mp4")
offset, length, encoding = media.ref.split("#")[1].split(",")
chunks = (envelope.blob.read(int(offset) + at, min(65536, int(length) - at)) for at in range(0, int(length), 65536))
assert sum(map(len, decode(chunks, transfer_encoding(encoding)))) == COUNT * 57
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is read from /proc")
def test_a_large_mail_is_never_in_memory() -> None:
    command = [sys.executable, "-c", RECEIVE_LARGE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own text
    assert done.returncode == 0, done.stderr
    assert 0 <= int(done.stdout) <= 32 * 1024
