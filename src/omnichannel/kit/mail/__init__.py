"""The e-mail family: what every adapter that carries mails shares, from header fields to events and back."""
