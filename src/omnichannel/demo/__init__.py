"""The main job, end to end: simulated platforms on loopback, a hub in a process of its own, and a channel that closes.

Everything is real but the platforms: HTTP, SMTP and IMAP over sockets, a SQLite file, signed webhooks.
"""
