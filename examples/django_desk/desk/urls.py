"""Where everything is."""

from django.urls import include, path

from desk import views
from desk.omni import omni
from omnichannel.contrib.django import webhooks

urlpatterns = [
    path("queue/<name>", views.queue),
    path("conversations/<id>", views.show),
    path("conversations/<id>/answers", views.answer),
    path("hooks/", include(webhooks(omni))),
]
