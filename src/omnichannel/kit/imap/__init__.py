"""IMAP without IO: responses out of bytes, a client as a script, and the session that reads a mailbox."""
