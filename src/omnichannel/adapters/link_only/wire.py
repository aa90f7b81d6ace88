"""Nothing comes in from a place to which we can only link: there are no payloads to describe."""
