"""What all Graph platforms share: webhooks, admission and tokens, error body and general error codes, templates."""

from omnichannel.kit.meta_graph.channel import (
    BODY_LIMIT,
    GraphAccount,
    GraphChannel,
    graph_url,
    is_metas,
    upload_request,
)
from omnichannel.kit.meta_graph.errors import GRAPH_RULES, facts_of, field_of, late_failure, read_graph_error
from omnichannel.kit.meta_graph.notices import TEMPLATE_FIELDS, template_news
from omnichannel.kit.meta_graph.templates import Body, ButtonSlot, Filled, TemplateSpec
from omnichannel.kit.meta_graph.webhooks import (
    SIGNATURE_HEADER,
    Keeper,
    Unclear,
    as_object,
    entries_of,
    handshake,
    items_of,
    moment,
    moment_ms,
    read_json,
    signature_ok,
    why,
)

__all__ = [
    "BODY_LIMIT",
    "GRAPH_RULES",
    "SIGNATURE_HEADER",
    "TEMPLATE_FIELDS",
    "Body",
    "ButtonSlot",
    "Filled",
    "GraphAccount",
    "GraphChannel",
    "Keeper",
    "TemplateSpec",
    "Unclear",
    "as_object",
    "entries_of",
    "facts_of",
    "field_of",
    "graph_url",
    "handshake",
    "is_metas",
    "items_of",
    "late_failure",
    "moment",
    "moment_ms",
    "read_graph_error",
    "read_json",
    "signature_ok",
    "template_news",
    "upload_request",
    "why",
]
