"""Answer customers on every channel, and keep answering them when a channel is taken away."""

import typing

from omnichannel.model import late

if typing.TYPE_CHECKING:
    from omnichannel.channel.base import Account
    from omnichannel.handlers import Event, Handlers, MessageHandler, Turn
    from omnichannel.hub import Hub
    from omnichannel.hub.answers import Decision, Explanation, Impact, Page, Reach
    from omnichannel.model.address import Address, Assurance, Consent, Customer
    from omnichannel.model.content import (
        Content,
        LinkButton,
        Localized,
        Location,
        Media,
        QuickReply,
        Sendable,
        Template,
        Text,
    )
    from omnichannel.model.conversation import Conversation
    from omnichannel.model.exceptions import (
        ChannelWithdrawn,
        ConfigurationError,
        DeliveryError,
        NotFound,
        OmnichannelError,
        RefusedContent,
        StoreError,
        UnknownChannel,
        VersionConflict,
    )
    from omnichannel.model.message import Attempt, Delivery, Message, Refusal, Step
    from omnichannel.model.withdrawal import Phase, Scope, Withdrawal
else:
    __getattr__, __dir__ = late.names(
        __name__,
        {
            "omnichannel.channel.base": ("Account",),
            "omnichannel.handlers": ("Event", "Handlers", "MessageHandler", "Turn"),
            "omnichannel.hub": ("Hub",),
            "omnichannel.hub.answers": ("Decision", "Explanation", "Impact", "Page", "Reach"),
            "omnichannel.model.address": ("Address", "Assurance", "Consent", "Customer"),
            "omnichannel.model.content": (
                "Content",
                "LinkButton",
                "Localized",
                "Location",
                "Media",
                "QuickReply",
                "Sendable",
                "Template",
                "Text",
            ),
            "omnichannel.model.conversation": ("Conversation",),
            "omnichannel.model.exceptions": (
                "ChannelWithdrawn",
                "ConfigurationError",
                "DeliveryError",
                "NotFound",
                "OmnichannelError",
                "RefusedContent",
                "StoreError",
                "UnknownChannel",
                "VersionConflict",
            ),
            "omnichannel.model.message": ("Attempt", "Delivery", "Message", "Refusal", "Step"),
            "omnichannel.model.withdrawal": ("Phase", "Scope", "Withdrawal"),
        },
    )

__all__ = [
    "Account",
    "Address",
    "Assurance",
    "Attempt",
    "ChannelWithdrawn",
    "ConfigurationError",
    "Consent",
    "Content",
    "Conversation",
    "Customer",
    "Decision",
    "Delivery",
    "DeliveryError",
    "Event",
    "Explanation",
    "Handlers",
    "Hub",
    "Impact",
    "LinkButton",
    "Localized",
    "Location",
    "Media",
    "Message",
    "MessageHandler",
    "NotFound",
    "OmnichannelError",
    "Page",
    "Phase",
    "QuickReply",
    "Reach",
    "Refusal",
    "RefusedContent",
    "Scope",
    "Sendable",
    "Step",
    "StoreError",
    "Template",
    "Text",
    "Turn",
    "UnknownChannel",
    "VersionConflict",
    "Withdrawal",
]
