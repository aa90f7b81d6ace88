"""A Facebook Page, and the utility templates that Meta approved for it."""

from __future__ import annotations

from pydantic import Field

from omnichannel.adapters.messenger.surfaces import GRAPH_VERSION
from omnichannel.kit.meta_graph import GraphAccount, TemplateSpec

__all__ = ["MessengerAccount"]


class MessengerAccount(GraphAccount):
    """One Page. Several of one Meta app share an `endpoint`.

    `page_id` is the Page's id, `page_name` its name in links (`m.me/<page_name>`), where it has one. `token` is the
    Page's access token. `human_agent` says that Meta granted the Human Agent feature: people may then answer for seven
    days. `get_started=False` says that the Page has no Get Started button: links then also write their reference into
    the text, because nothing else would bring it into a new conversation.
    """

    page_id: str = Field(pattern=r"^[0-9]+$")
    page_name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.]+$")
    human_agent: bool = False
    get_started: bool = True
    graph_version: str = Field(default=GRAPH_VERSION, pattern=r"^v[0-9]+\.[0-9]+$")
    templates: dict[str, TemplateSpec] = Field(default_factory=dict[str, TemplateSpec])
