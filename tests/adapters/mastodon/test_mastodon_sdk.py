"""The public Python client of Mastodon, unchanged, against the simulated server on loopback."""

from __future__ import annotations

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Thread
from typing import Any

import pytest
import uvicorn
from mastodon import (
    Mastodon,
    MastodonAPIError,
    MastodonNotFoundError,
    MastodonRatelimitError,
    MastodonUnauthorizedError,
)

from omnichannel.testing.clock import FakeClock
from omnichannel.testing.simulators.base import SimFile
from omnichannel.testing.simulators.mastodon import MastodonSimulator
from tests.adapters.mastodon.test_mastodon_contract import ACCOUNT

# Its own calls to a function that its dependency calls old.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
ANN = "ann@social.example"


@contextmanager
def served(app: Any) -> Generator[str]:
    """An ASGI app on a port of loopback. The socket listens before the server runs: nobody has to wait for it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def simulator() -> MastodonSimulator:
    simulator = MastodonSimulator(now=FakeClock().now)
    simulator.adopt(ACCOUNT)
    simulator.customer("Ann", ANN)
    return simulator


@pytest.fixture
def client(simulator: MastodonSimulator) -> Iterator[Any]:
    with served(simulator) as url:
        yield client_of(url, "user-token")


def client_of(url: str, token: str) -> Any:
    return Mastodon(access_token=token, api_base_url=url, ratelimit_method="throw", version_check_mode="created")


def test_it_sends_and_reads(simulator: MastodonSimulator, client: Any) -> None:
    asked = simulator.says(ANN, "Where is my bag?")
    (notice,) = client.notifications(types=["mention"])
    assert (notice.type, notice.account.acct, notice.status.id) == ("mention", ANN, asked)
    assert notice.status.content.endswith("Where is my bag?</p>")
    sent = client.status_post(f"@{ANN} In Oslo.", in_reply_to_id=asked, visibility="direct", language="en")
    assert (sent.visibility, sent.in_reply_to_id, [one.acct for one in sent.mentions]) == ("direct", asked, [ANN])
    assert [(one.text, one.surface) for one in simulator.seen(ANN)] == [("In Oslo.", "dm")]
    (conversation,) = client.conversations()
    assert conversation.last_status.id == sent.id
    assert [one.id for one in client.status_context(sent.id).ancestors] == [asked]
    assert client.account_lookup(ANN).display_name == "Ann"
    assert client.account_verify_credentials().acct == "desk"
    assert client.instance().configuration.statuses.max_characters == 500


def test_it_sends_files(simulator: MastodonSimulator, client: Any) -> None:
    media = client.media_post(b"\x89PNG", mime_type="image/png", file_name="bag.png", description="a bag")
    assert (media.type, media.description) == ("image", "a bag")
    sent = client.status_post(f"@{ANN} Look", media_ids=[media], visibility="unlisted")
    assert [one.id for one in sent.media_attachments] == [media.id]
    assert [one.media for one in simulator.seen(ANN)] == [("image/png",)]
    simulator.processing = 2
    film = client.media_post(b"film", mime_type="video/mp4", file_name="bag.mp4")
    with pytest.raises(MastodonAPIError, match="not finished processing"):
        client.status_post("Look", media_ids=[film])
    assert client.media(film.id).url is None
    assert client.media(film.id).url is not None


def test_it_edits_deletes_and_likes(simulator: MastodonSimulator, client: Any) -> None:
    sent = client.status_post(f"@{ANN} In Oslo.", visibility="direct")
    assert client.status_update(sent.id, f"@{ANN} In Bergen.").edited_at is not None
    assert [one.text for one in simulator.seen(ANN)] == ["In Bergen."]
    asked = simulator.says(ANN, "Really?")
    assert client.status_favourite(asked).favourited
    assert not client.status_unfavourite(asked).favourited
    client.status_delete(sent.id)
    assert simulator.seen(ANN) == []
    with pytest.raises(MastodonNotFoundError):
        client.status(sent.id)


def test_the_same_key_is_one_status(simulator: MastodonSimulator, client: Any) -> None:
    sent = [client.status_post(f"@{ANN} Once.", visibility="direct", idempotency_key="k").id for _ in range(2)]
    assert sent[0] == sent[1]
    assert len(simulator.seen(ANN)) == 1


def test_it_pages(simulator: MastodonSimulator, client: Any) -> None:
    written = [simulator.says(ANN, f"Number {n}") for n in range(5)]
    page = client.notifications(limit=2)
    assert [one.status.id for one in page] == written[:2:-1]
    assert [one.status.id for one in client.fetch_next(page)] == written[2:0:-1]
    after = client.notifications(min_id=page[-1].id, limit=2)
    assert [one.status.id for one in after] == written[4:]


def test_it_is_refused(simulator: MastodonSimulator) -> None:
    with served(simulator) as url:
        with pytest.raises(MastodonUnauthorizedError, match="access token is invalid"):
            client_of(url, "nonsense").account_verify_credentials()
        client = client_of(url, "user-token")
        with pytest.raises(MastodonAPIError, match="character limit of 500"):
            client.status_post("x" * 501)
        with pytest.raises(MastodonNotFoundError, match="does not appear to exist"):
            client.status_post("x", in_reply_to_id="1")
        simulator.suspend("fedi")
        with pytest.raises(MastodonAPIError, match="login is currently disabled"):
            client.status_post("x")


def test_it_is_too_fast(simulator: MastodonSimulator, client: Any) -> None:
    simulator.limits["media"] = (1, timedelta(minutes=30))
    client.media_post(b"x", mime_type="image/png", file_name="a.png")
    with pytest.raises(MastodonRatelimitError):
        client.media_post(b"x", mime_type="image/png", file_name="b.png")


def test_a_file_that_is_too_large(simulator: MastodonSimulator, client: Any) -> None:
    file = SimFile("a.png", b"x" * (16 * 1024 * 1024 + 1), "image/png")
    with pytest.raises(MastodonAPIError, match="file size must be less"):
        client.media_post(file.content, mime_type=file.type, file_name=file.name)
