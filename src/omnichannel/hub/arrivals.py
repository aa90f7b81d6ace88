"""What comes in by webhook: large bodies go beside the rows, keys of platforms are fetched."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from dataclasses import replace
from pathlib import Path

from sqlalchemy.engine import make_url

from omnichannel.channel.wire import Envelope, HttpRequest
from omnichannel.hub.office import Verb, write
from omnichannel.runtime.fetch import Fetcher
from omnichannel.runtime.transport import Transport, TransportError
from omnichannel.stores import journal
from omnichannel.stores.base import BlobStore
from omnichannel.stores.blobs import FileBlobs, MemoryBlobs
from omnichannel.stores.journal import Arrival

INLINE = 256 * 1024
"""A body over this goes to the blob store first, then its row."""
KEY_LIMIT = 65_536


async def off_row(envelope: Envelope, blobs: BlobStore) -> Envelope:
    """The envelope as its row holds it."""
    if len(envelope.content) <= INLINE:
        return envelope

    async def chunks() -> AsyncIterator[bytes]:
        yield envelope.content

    blob = await blobs.put(chunks(), limit=len(envelope.content))
    return replace(envelope, content=b"", blob_id=blob.sha256)


def keep(endpoint: str, envelope: Envelope) -> Verb[None]:
    """Commits an envelope, as its row holds it: after this it may be acknowledged."""
    yield from write(lambda c: journal.append(c, [Arrival(endpoint, envelope)]))


async def fetch_key(transport: Transport, url: str, allow: Collection[str]) -> bytes | None:
    """A platform's public key, None where it cannot be had. `allow` as in `Ports`."""
    fetcher = Fetcher(transport, allow=allow, limit=KEY_LIMIT)
    try:
        async with fetcher.open(HttpRequest(method="GET", url=url)) as response:
            return b"".join([chunk async for chunk in response.chunks])
    except TransportError:
        return None


def blobs_beside(url: str) -> BlobStore:
    """Where the large bodies of a store are."""
    if not url.startswith("sqlite"):
        return FileBlobs(Path("omnichannel-blobs"))
    database = make_url(url).database
    if database in (None, "", ":memory:"):
        return MemoryBlobs()
    return FileBlobs(Path(f"{database}-blobs"))
