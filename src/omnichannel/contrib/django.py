"""Webhooks in a Django project under WSGI. Under ASGI, mount `hub.asgi` instead."""

from __future__ import annotations

from os import PathLike

from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from omnichannel.sync import Client
from omnichannel.sync.doorway import Doorway

__all__ = ["webhooks"]


def webhooks(client: Client | str | PathLike[str]) -> list[URLPattern]:
    """URL patterns for `include`: each account's webhook is below, under its id. `client` may be its settings file.

        urlpatterns = [path("hooks/", include(webhooks("omnichannel.toml")))]

    A request is verified over its raw bytes and is in the journal before it is answered; a worker does the rest.
    `public_url` in the settings is the URL of the include, without the last slash. WSGI tells Django the length of a
    body beforehand: a request without one (`Transfer-Encoding: chunked`) has an empty body there and is refused,
    unless the server or a proxy before it measures bodies.
    """
    doorway = Doorway(client if isinstance(client, Client) else Client.from_toml(client))

    @csrf_exempt
    def webhook(request: HttpRequest, tail: str) -> HttpResponse:
        headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in request.headers.items()]
        query = request.META.get("QUERY_STRING", "").encode("latin-1")
        reply = doorway.answer(request.method or "", f"/{tail}", query, headers, request.read)
        if reply is None:
            return HttpResponse(status=400)
        return HttpResponse(reply.content, reply.media_type, reply.status, headers=dict(reply.headers))

    return [path("<path:tail>", webhook, name="omnichannel-webhook")]
