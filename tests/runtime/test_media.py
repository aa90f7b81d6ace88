"""Media: into the blob store from outside, and out again from each kind of reference."""

import base64
import gzip
import hashlib
import sys
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from omnichannel.channel import Flow, HttpRequest, HttpResponse, Repeat
from omnichannel.model.content import Media
from omnichannel.model.outcome import Failure, Outcome
from omnichannel.runtime.fetch import Fetcher
from omnichannel.runtime.media import Keeper, MediaReader
from omnichannel.runtime.transport import MediaUnavailable, TransportError
from omnichannel.stores.blobs import MemoryBlobs
from omnichannel.testing.clock import FakeClock
from tests.runtime.fakes import FakeTransport, PlainChannel, Script, make_runner, plain, streamed
from tests.runtime.servers import Stream, response, serve

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
URL = "https://files.example/a"


class WithMedia(PlainChannel):
    adapter = "with_media"

    def locate(self, media: Media) -> Flow[HttpRequest]:
        data = yield from self.call(HttpRequest(method="GET", url="https://api.example/media", repeat=Repeat.SAFE))
        return HttpRequest(method="GET", url=self.require(data, "url"), repeat=Repeat.SAFE)


async def public(host: str) -> list[str]:
    return ["93.184.215.14"]


def keeper(transport: FakeTransport, blobs: MemoryBlobs, limit: int = 10_000) -> Keeper:
    fetcher = Fetcher(transport, resolve=public, limit=limit)
    return Keeper(blobs, fetcher, make_runner(transport, FakeClock()))


async def everything(source: MediaReader, media: Media, offset: int = 0, length: int | None = None) -> bytes:
    async with aclosing(source.open(media, offset=offset, length=length)) as chunks:
        return b"".join([chunk async for chunk in chunks])


# ---------------------------------------------------------------- in


async def test_a_file_is_kept_with_its_true_type_size_and_hash() -> None:
    blobs = MemoryBlobs()
    transport = FakeTransport(streams=[streamed(200, PNG[:5], PNG[5:], content_type="text/html")])
    media = Media(id="1", kind="video", type="video/mp4", name="x.mp4", ref=URL)
    found = await keeper(transport, blobs).fetch(plain(), media)
    digest = hashlib.sha256(PNG).hexdigest()
    assert isinstance(found, Media)
    assert found == Media(
        id="1", kind="image", type="image/png", name="x.mp4", ref=f"blob:{digest}", size=len(PNG), sha256=digest
    )
    assert blobs.open(digest).read(0, 9999) == PNG
    assert await keeper(FakeTransport(), blobs).fetch(plain(), found) == found


async def test_a_file_at_the_platform_is_located_and_fetched_with_credentials() -> None:
    transport = FakeTransport(
        [HttpResponse(200, {}, b'{"url": "https://files.example/secret"}')], streams=[streamed(200, b"hello")]
    )
    media = Media(ref="platform:77", type="text/plain")
    channel = plain(WithMedia)
    found = await keeper(transport, MemoryBlobs()).fetch(channel, media)
    assert isinstance(found, Media)
    assert (found.type, found.size) == ("text/plain", 5)
    assert transport.sent[1].headers["authorization"] == "Bearer t-secret"
    assert transport.sent[1].headers["host"] == "files.example"


@pytest.mark.parametrize(
    ("streams", "outcome"),
    [
        ([streamed(404)], Outcome.INVALID),
        ([streamed(403)], Outcome.INVALID),
        ([streamed(429)], Outcome.RETRY),
        ([streamed(500)], Outcome.RETRY),
        ([TransportError("refused", maybe_sent=False)], Outcome.RETRY),
        ([streamed(200, b"abc", TransportError("reset", maybe_sent=True))], Outcome.RETRY),
        ([streamed(200, b"a", content_length="101")], Outcome.INVALID),
        ([streamed(200, b"a" * 60, b"a" * 60)], Outcome.INVALID),
        ([streamed(302, location="http://[/")], Outcome.INVALID),
        ([streamed(302)] * 4, Outcome.INVALID),
    ],
)
async def test_why_a_file_cannot_be_had(streams: list[Script], outcome: Outcome) -> None:
    blobs = MemoryBlobs()
    found = await keeper(FakeTransport(streams=[*streams]), blobs, 100).fetch(plain(), Media(ref=URL))
    assert isinstance(found, Failure)
    assert (found.outcome, found.certain) == (outcome, True)
    with pytest.raises(MediaUnavailable):
        await everything(MediaReader(blobs), Media(ref=f"blob:{hashlib.sha256(b'abc').hexdigest()}"))


@pytest.mark.parametrize("ref", ["path:/etc/passwd", "http://files.example/", "", "data:text/plain,x", "file:///x"])
async def test_nothing_else_comes_in_from_outside(ref: str) -> None:
    transport = FakeTransport()
    found = await keeper(transport, MemoryBlobs()).fetch(plain(), Media(ref=ref))
    assert isinstance(found, Failure)
    assert (found.outcome, transport.sent) == (Outcome.INVALID, [])


async def test_a_channel_that_cannot_locate_says_so() -> None:
    found = await keeper(FakeTransport(), MemoryBlobs()).fetch(plain(), Media(ref="platform:1"))
    assert isinstance(found, Failure)
    assert found.code == "unsupported"


# ---------------------------------------------------------------- out


async def put(blobs: MemoryBlobs, content: bytes) -> str:
    async def chunks() -> AsyncIterator[bytes]:
        yield content

    return (await blobs.put(chunks(), limit=10**9)).sha256


def journal_of(rows: dict[int, bytes]) -> Callable[[int], Awaitable[bytes | None]]:
    async def read(seq: int) -> bytes | None:
        return rows.get(seq)

    return read


@pytest.mark.parametrize(
    ("offset", "length"), [(0, None), (0, 10), (5, 10), (100, None), (1020, 100), (5000, 5), (0, 0)]
)
async def test_blobs_ranges_files_and_urls_give_the_same_bytes(tmp_path: Path, offset: int, length: int | None) -> None:
    blobs = MemoryBlobs()
    file = tmp_path / "a.png"
    file.write_bytes(PNG)
    coded = base64.encodebytes(PNG)
    quoted = b"".join(b"=%02X%s" % (byte, b"=\r\n" * (at % 20 == 19)) for at, byte in enumerate(PNG))
    stored = b"head" + coded + quoted + PNG + b"tail"
    mail = await put(blobs, stored)
    start, end = 4 + len(coded), 4 + len(coded) + len(quoted)
    transport = FakeTransport(streams=[streamed(200, PNG[:7], PNG[7:])])
    source = MediaReader(blobs, Fetcher(transport, resolve=public), journal_of({7: stored, 8: PNG}))
    refs = [
        f"blob:{await put(blobs, PNG)}",
        f"blob:{mail}#4,{len(coded)},base64",
        f"blob:{mail}#{start},{len(quoted)},quoted-printable",
        f"blob:{mail}#{end},{len(PNG)},8bit",
        f"path:{file}",
        f"journal:7#4,{len(coded)},base64",
        f"journal:7#{start},{len(quoted)},quoted-printable",
        f"journal:7#{end},{len(PNG)},identity",
        "journal:8",
        URL,
    ]
    wanted = PNG[offset:] if length is None else PNG[offset : offset + length]
    assert [await everything(source, Media(ref=ref), offset=offset, length=length) for ref in refs] == [wanted] * 10
    sizes = [await source.size(Media(ref=ref)) for ref in refs]
    assert sizes == [len(PNG)] * 9 + [None]


@pytest.mark.parametrize(
    "ref",
    [
        f"blob:{'0' * 64}",
        "blob:../../etc/passwd",
        f"blob:{'0' * 64}#1,2",
        f"blob:{'0' * 64}#a,b,c",
        "path:/nowhere/at/all",
        "journal:7",
        "journal:7#0,1,identity",
        "journal:7#0,1",
        "journal:-8",
        "journal:\u0668",
        f"journal:{'9' * 5000}",
        "platform:1",
        "http://x",
        "",
        URL,
    ],
)
async def test_a_reference_to_nothing(ref: str) -> None:
    for source in (MediaReader(MemoryBlobs()), MediaReader(MemoryBlobs(), journal=journal_of({8: PNG}))):
        with pytest.raises(MediaUnavailable):
            await everything(source, Media(ref=ref))
        if ref.startswith(("blob:0", "path:", "journal:")) and "identity" not in ref:
            with pytest.raises(MediaUnavailable):
                await source.size(Media(ref=ref))


async def test_what_is_kept_already_is_not_fetched() -> None:
    transport = FakeTransport()
    for ref in (f"blob:{'0' * 64}", "journal:7#0,1,identity"):
        media = Media(ref=ref)
        assert await keeper(transport, MemoryBlobs()).fetch(plain(), media) is media
    assert transport.sent == []


async def test_a_url_that_fails_while_it_is_sent_on() -> None:
    transport = FakeTransport(streams=[streamed(200, b"x", TransportError("reset", maybe_sent=True))])
    source = MediaReader(MemoryBlobs(), Fetcher(transport, resolve=public))
    with pytest.raises(MediaUnavailable) as caught:
        await everything(source, Media(ref=URL))
    assert caught.value.failure.outcome is Outcome.RETRY


# ---------------------------------------------------------------- what it costs

MEASURE = """
import gzip, resource, sys
from pathlib import Path
import anyio
from omnichannel.channel.wire import HttpRequest
from omnichannel.runtime.fetch import Fetcher, capped
from omnichannel.runtime.http import HttpxTransport
from omnichannel.runtime.transport import TransportError
from omnichannel.stores.blobs import FileBlobs

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

async def once(url, root, limit):
    transport = HttpxTransport()
    fetcher = Fetcher(transport, allow=[url.rpartition("/")[0]], limit=limit)
    try:
        async with fetcher.open(HttpRequest(method="GET", url=url)) as answer:
            blob = await FileBlobs(root).put(capped(answer.chunks, limit), limit=limit)
            return str(blob.size)
    except TransportError as error:
        return error.kind
    finally:
        await transport.aclose()

base, path, limit, root = sys.argv[1:5]
anyio.run(once, base + "/warm", root, 1000)
before = peak()
found = anyio.run(once, base + path, root, int(limit))
print(found, (peak() - before) // 1024)
"""


async def measured(base: str, path: str, limit: int, root: Path) -> tuple[str, int]:
    """What came of a fetch in a process of its own, and by how many megabytes that grew."""
    command = [sys.executable, "-c", MEASURE, base, path, str(limit), str(root)]
    found, growth = (await anyio.run_process(command)).stdout.split()
    return found.decode(), int(growth)


def bomb() -> bytes:
    """A megabyte that unpacks to a gigabyte: the same block again and again."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
    return gzip.compress(b"")[:10] + block * 1024


async def big(stream: Stream, request: bytes) -> bool:
    if b"/warm" in request:
        await stream.send(response())
        return True
    if b"/bomb" in request:
        await stream.send(response(bomb(), headers="Content-Encoding: gzip\r\n"))
        return True
    await stream.send(f"HTTP/1.1 200 OK\r\nContent-Length: {100 * 2**20}\r\n\r\n".encode())
    for number in range(100):
        await stream.send(bytes([number]) * 2**20)
    return True


def sizes(root: Path) -> list[int]:
    return [file.stat().st_size for file in root.rglob("*") if file.is_file()]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak of the resident set as Linux gives it")
@pytest.mark.parametrize(
    ("path", "limit", "found"),
    [("/bomb", 25 * 2**20, "too_large"), ("/big", 200 * 2**20, str(100 * 2**20))],
    ids=["a gigabyte in a megabyte", "100 MB"],
)
async def test_memory_does_not_grow_with_the_file(tmp_path: Path, path: str, limit: int, found: str) -> None:
    async with serve(big) as server:
        result, grown = await measured(server.url, path, limit, tmp_path)
    assert result == found
    assert grown <= 32
    # What was kept is whole, what was not left nothing; the two bytes are those of the warming up.
    assert sum(sizes(tmp_path)) == (100 * 2**20 if found.isdigit() else 0) + 2
