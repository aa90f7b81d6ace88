"""E-mail by SMTP submission and IMAP: any mailbox, no provider's API."""

from omnichannel.adapters.smtp_imap.account import SmtpImapAccount

__all__ = ["SmtpImapAccount"]
