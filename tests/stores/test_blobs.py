"""Blobs: whole or not at all, on disk before they are named, and swept only when nothing names them."""

import os
import sys
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import TypeAlias

import anyio
import pytest

from omnichannel.model.exceptions import NotFound
from omnichannel.stores.base import Blob
from omnichannel.stores.blobs import CHUNK, FileBlobs, MemoryBlobs

Blobs: TypeAlias = FileBlobs | MemoryBlobs
BIG = os.urandom(CHUNK * 2 + 17)


async def chunks(content: bytes, step: int = 100_000) -> AsyncIterator[bytes]:
    for at in range(0, len(content), step):
        yield content[at : at + step]


@pytest.fixture(params=["files", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FileBlobs(tmp_path / "blobs") if request.param == "files" else MemoryBlobs()


def files(root: Path) -> list[Path]:
    return sorted(path for path in root.rglob("*") if path.is_file())


@pytest.mark.parametrize("content", [b"", b"x", BIG])
async def test_a_blob_comes_back_by_its_hash(blobs: Blobs, content: bytes) -> None:
    blob = await blobs.put(chunks(content), limit=len(content))
    assert blob == Blob(sha256(content).hexdigest(), len(content))
    reader = blobs.open(blob.sha256)
    assert reader.size == len(content)
    assert reader.read(0, len(content) + 9) == content
    assert [part async for part in blobs.stream(blob.sha256)] == [
        content[at : at + CHUNK] for at in range(0, len(content), CHUNK)
    ]


@pytest.mark.parametrize(
    ("offset", "length"), [(0, 0), (3, 4), (CHUNK - 1, 2), (CHUNK, None), (len(BIG) - 1, 99), (10**7, 1)]
)
async def test_slices(blobs: Blobs, offset: int, length: int | None) -> None:
    blob = await blobs.put(chunks(BIG), limit=len(BIG))
    wanted = BIG[offset:] if length is None else BIG[offset : offset + length]
    assert b"".join([part async for part in blobs.stream(blob.sha256, offset=offset, length=length)]) == wanted
    assert blobs.open(blob.sha256).read(offset, 5) == BIG[offset : offset + 5]


@pytest.mark.parametrize("name", ["0" * 64, "", "../../etc/passwd", "A" * 64, "0" * 63 + "\n", "0" * 65])
async def test_what_is_no_blob_is_not_found(blobs: Blobs, name: str) -> None:
    with pytest.raises(NotFound):
        blobs.open(name)
    with pytest.raises(NotFound):
        _ = [part async for part in blobs.stream(name)]


async def test_of_what_is_too_large_nothing_stays(blobs: Blobs) -> None:
    with pytest.raises(ValueError, match="more than 99"):
        await blobs.put(chunks(BIG), limit=99)
    if isinstance(blobs, FileBlobs):
        assert files(blobs._root) == []  # pyright: ignore[reportPrivateUsage]
    await blobs.put(chunks(BIG), limit=len(BIG))


async def test_of_what_breaks_nothing_stays(tmp_path: Path) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield BIG
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await FileBlobs(tmp_path).put(breaks(), limit=10**9)
    assert files(tmp_path) == []


async def test_of_what_is_cancelled_nothing_stays(tmp_path: Path) -> None:
    async def hangs() -> AsyncIterator[bytes]:
        yield BIG
        scope.cancel()
        await anyio.sleep_forever()

    with anyio.CancelScope() as scope:
        await FileBlobs(tmp_path).put(hangs(), limit=10**9)
    assert scope.cancelled_caught
    assert files(tmp_path) == []


async def test_a_source_is_closed_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[str] = []

    async def source() -> AsyncIterator[bytes]:
        try:
            while True:
                yield BIG
        finally:
            closed.append("source")

    def full(draft: object, piece: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("omnichannel.stores.blobs._Draft.write", full)
    with pytest.raises(OSError, match="No space"):
        await FileBlobs(tmp_path).put(source(), limit=10**9)
    assert (closed, files(tmp_path)) == (["source"], [])


@pytest.mark.skipif(sys.platform != "linux", reason="tells files from folders by /proc")
async def test_file_and_folders_are_synced_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    real_sync, real_replace = os.fsync, os.replace

    def sync(handle: int) -> None:
        events.append("folder" if os.path.isdir(f"/proc/self/fd/{handle}") else "file")
        real_sync(handle)

    def rename(source: Path, target: Path) -> None:
        events.append("rename")
        real_replace(source, target)

    blobs = FileBlobs(tmp_path)
    await blobs.put(chunks(b"first"), limit=99)
    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(os, "replace", rename)
    await blobs.put(chunks(b"second"), limit=99)
    assert events[0] == "file"
    assert events.index("file") < events.index("rename") < len(events) - 1
    assert events[-1] == "folder"


async def test_the_same_bytes_are_kept_once_and_privately(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    names = {(await blobs.put(chunks(b"same"), limit=9)).sha256 for _ in range(3)}
    (path,) = files(tmp_path)
    assert path == tmp_path / path.name[:2] / path.name[2:4] / names.pop()
    if os.name == "posix":
        assert path.stat().st_mode & 0o077 == 0


async def test_many_at_once(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    found: list[Blob] = []

    async def one(number: int) -> None:
        found.append(await blobs.put(chunks(BIG[number % 3 :]), limit=10**9))

    async with anyio.create_task_group() as tasks:
        for number in range(12):
            tasks.start_soon(one, number)
    assert len({blob.sha256 for blob in found}) == len(files(tmp_path)) == 3


async def test_a_stream_may_be_left_early_and_a_swept_blob_is_said(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    blob = await blobs.put(chunks(BIG), limit=10**9)
    async with aclosing(blobs.stream(blob.sha256)) as parts:
        assert await anext(parts) == BIG[:CHUNK]
        files(tmp_path)[0].unlink()
        with pytest.raises(NotFound):
            await anext(parts)


# ---------------------------------------------------------------- sweeping

LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)
HORIZON = LONG_AGO + timedelta(days=1)


def age(path: Path) -> None:
    os.utime(path, (LONG_AGO.timestamp(), LONG_AGO.timestamp()))


class Named:
    """The rows that name blobs."""

    def __init__(self, *names: str) -> None:
        self.names = set(names)
        self.batches: list[int] = []

    async def __call__(self, names: Sequence[str]) -> Collection[str]:
        self.batches.append(len(names))
        return self.names & set(names)


async def test_only_old_blobs_that_nothing_names_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("omnichannel.stores.blobs.SWEEP_BATCH", 2)
    blobs = FileBlobs(tmp_path)
    stored = [(await blobs.put(chunks(bytes([n])), limit=9)).sha256 for n in range(7)]
    for path in files(tmp_path):
        if path.name != stored[6]:
            age(path)
    draft = tmp_path / "drafts" / "half-written"
    draft.write_bytes(b"x")
    age(draft)
    young = tmp_path / "drafts" / "being-written"
    young.write_bytes(b"x")
    (tmp_path / "ab" / "cd").mkdir(parents=True)
    (tmp_path / "ab" / "cd" / "not-ours").write_bytes(b"x")
    age(tmp_path / "ab" / "cd" / "not-ours")
    named = Named(*stored[:2])
    assert await blobs.sweep(named, older_than=HORIZON) == 4
    assert {path.name for path in files(tmp_path)} == {*stored[:2], stored[6], "being-written", "not-ours"}
    assert named.batches == [2, 2, 2]
    assert await blobs.sweep(named, older_than=HORIZON) == 0


async def test_a_blob_that_was_stored_again_stays_however_late(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    blob = await blobs.put(chunks(b"again"), limit=9)
    age(files(tmp_path)[0])

    async def stores_it_again(names: Sequence[str]) -> Collection[str]:
        # The row is not there yet: the sweep is told that nothing names it.
        await blobs.put(chunks(b"again"), limit=9)
        return ()

    assert await blobs.sweep(stores_it_again, older_than=HORIZON) == 0
    assert blobs.open(blob.sha256).read(0, 9) == b"again"


async def test_two_sweeps_at_once(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path)
    await blobs.put(chunks(b"x"), limit=9)
    age(files(tmp_path)[0])

    async def other_was_faster(names: Sequence[str]) -> Collection[str]:
        for path in files(tmp_path):
            path.unlink()
        return ()

    assert await blobs.sweep(other_was_faster, older_than=HORIZON) == 0


async def test_an_empty_store_is_swept_in_peace(tmp_path: Path) -> None:
    assert await FileBlobs(tmp_path / "new").sweep(Named(), older_than=HORIZON) == 0
