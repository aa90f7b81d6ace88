"""The closing of a channel as dated, scoped data: phases, scopes, effects, notices, detection. Pure."""
