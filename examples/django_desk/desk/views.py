"""What agents see and do. Ordinary synchronous views."""

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from desk.omni import omni
from omnichannel import NotFound, VersionConflict


@require_GET
def queue(request: HttpRequest, name: str) -> JsonResponse:
    page = omni.desk.list(name, after=request.GET.get("after"))
    items = [{"id": one.id, "channel": one.channel, "version": one.version} for one in page.items]
    return JsonResponse({"items": items, "next": page.next})


@require_GET
def show(request: HttpRequest, id: str) -> JsonResponse:
    try:
        conversation = omni.conversation(id)
    except NotFound as error:
        raise Http404(str(error)) from None
    messages = reversed(omni.history(conversation.customer_id).items)
    said = [{"direction": one.direction, "channel": one.channel, "text": one.text} for one in messages]
    return JsonResponse({"version": conversation.version, "messages": said})


@require_POST
def answer(request: HttpRequest, id: str) -> JsonResponse:
    """Queues an answer. `form_id` is drawn when the form is shown, so that a second click sends nothing."""
    user = getattr(request, "user", None)
    try:
        delivery = omni.reply(
            id,
            request.POST["text"],
            agent=f"user-{user.pk}" if user is not None else "desk",
            idempotency_key=request.POST["form_id"],
            if_version=int(request.POST["version"]),
        )
    except NotFound as error:
        raise Http404(str(error)) from None
    except VersionConflict as error:
        return JsonResponse({"error": str(error)}, status=409)
    return JsonResponse({"delivery": delivery.id, "state": delivery.state}, status=202)
