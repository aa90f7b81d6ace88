"""Where platforms call us: an ASGI app that verifies, journals and only then acknowledges."""
