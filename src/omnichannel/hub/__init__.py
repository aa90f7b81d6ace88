"""The hub: what a host holds in its hand."""

from omnichannel.hub.hub import Hub

__all__ = ["Hub"]
