"""What every channel on Meta's Graph API does alike: admission, tokens, URLs, uploads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Generic, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from omnichannel.channel.base import Account, Channel, Secrets
from omnichannel.channel.wire import (
    Accept,
    Admission,
    Envelope,
    FilePart,
    Flow,
    HttpRequest,
    Keys,
    Multipart,
    Refuse,
    Repeat,
    Token,
)
from omnichannel.kit.flows import read
from omnichannel.kit.inbound import body_of
from omnichannel.kit.meta_graph.errors import field_of
from omnichannel.kit.meta_graph.templates import Body
from omnichannel.kit.meta_graph.webhooks import SIGNATURE_HEADER, handshake, signature_ok
from omnichannel.kit.urls import same_origin
from omnichannel.model.content import Media

__all__ = ["BODY_LIMIT", "GraphAccount", "GraphChannel", "graph_url", "is_metas", "upload_request"]

BODY_LIMIT = 3_145_728
"""Meta's webhooks are up to 3 MB: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/overview"""

# Where the API sends a client with its token: the media hosts of Meta.
_MEDIA_HOSTS = (".fbsbx.com", ".facebook.com", ".fbcdn.net", ".whatsapp.net")
_ACCEPT = Accept()


class GraphAccount(Account):
    """An account behind a Meta app. `app_secret` verifies webhooks, `verify_token` is the word chosen for the
    handshake, `token` is the access token. Several accounts of one app share an `endpoint`."""

    app_secret: Secrets = ()
    verify_token: SecretStr | None = None
    token: SecretStr = SecretStr("")
    graph_version: str = Field(pattern=r"^v[0-9]+\.[0-9]+$")
    base_url: str = "https://graph.facebook.com"


GraphAccountT = TypeVar("GraphAccountT", bound=GraphAccount)


class GraphChannel(Channel[GraphAccountT], Generic[GraphAccountT]):
    """A channel on the Graph API. A subclass says what is sent and how webhooks read."""

    body_limit: ClassVar[int] = BODY_LIMIT
    vendor: ClassVar[str] = "meta"
    webhook_secret: ClassVar[str | None] = "app_secret"  # noqa: S105 - the name of a field

    def __init__(self, account: GraphAccountT, accounts: Sequence[GraphAccountT] = ()) -> None:
        super().__init__(account, accounts)
        self._secrets = tuple(dict.fromkeys(secret for one in self.accounts for secret in one.app_secret))

    def admit(self, envelope: Envelope, now: datetime, keys: Keys) -> Admission:
        """The signature of the app over the raw bytes, or the handshake with the word that we chose.

        https://developers.facebook.com/docs/graph-api/webhooks/getting-started
        """
        if envelope.method == "GET":
            return handshake(envelope.query, [one.verify_token for one in self.accounts if one.verify_token])
        given = envelope.headers.get(SIGNATURE_HEADER)
        if given is None:
            return _ACCEPT if self.account.allow_unsigned else Refuse("the webhook is not signed")
        if signature_ok(self._secrets, body_of(envelope), given):
            return _ACCEPT
        return Refuse("the signature is not the app's")

    def sign(self, request: HttpRequest, token: Token | None, now: datetime, nonce: str) -> HttpRequest:
        """The token goes to Meta's own hosts alone, whatever URL an answer named."""
        account, url = self.account, request.url
        if "://" not in url:
            url = f"{account.base_url.rstrip('/')}/{account.graph_version}/{url}"
        elif not same_origin(url, account.base_url) and not is_metas(url):
            return request
        secret = token.value if token is not None else account.token.get_secret_value()
        return replace(request, url=url, headers={**request.headers, "authorization": f"Bearer {secret}"})

    def messages(self, sender: str, body: Body, repeat: Repeat = Repeat.UNSAFE, limit: str = "send") -> Flow[Any]:
        """What the Send API answers to a body. Raises `Rejected`."""
        url = f"{sender}/messages"
        return (yield from self.call(HttpRequest(method="POST", url=url, body=body, repeat=repeat, limit=limit)))

    def placed(self, media: Media, upload: HttpRequest, link: str, named: str) -> Flow[Body]:
        """Where the platform finds a file: at a `link`, or under the id that it gave us or gives with the `upload`.
        Raises `Rejected`."""
        if media.ref.startswith("https://"):
            return {link: media.ref}
        if media.ref.startswith("platform:"):
            return {named: media.ref.removeprefix("platform:")}
        return {named: field_of((yield from self.call(upload)), named)}

    def told(self, path: str, name: str, limit: str = "read", **query: str) -> Flow[str]:
        """A string of what Graph tells about an object. Raises `Rejected`."""
        return field_of((yield from self.call(read(path, limit, query.items()))), name)


def graph_url(version: str, path: str, *, host: str = "graph.facebook.com") -> str:
    """`https://graph.facebook.com/v26.0/<path>`; the version with or without its `v`."""
    return f"https://{host}/v{version.removeprefix('v')}/{path.removeprefix('/')}"


def is_metas(url: str) -> bool:
    """Whether a URL is on one of the hosts that Meta keeps media on, to which a token may go."""
    try:
        where = urlsplit(url)
        return where.scheme == "https" and (where.hostname or "").endswith(_MEDIA_HOSTS) and where.username is None
    except ValueError:
        return False


def upload_request(path: str, media: Media, fields: tuple[tuple[str, str], ...], name: str = "file") -> HttpRequest:
    """The upload of a file. A second one of the same file harms nobody: only the message that names it is seen."""
    body = Multipart(fields=fields, files=(FilePart(name=name, media=media),))
    return HttpRequest(method="POST", url=path, body=body, repeat=Repeat.KEYED, limit="media")
