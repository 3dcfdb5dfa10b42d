"""The errors that are the user's: shown as one line, with exit code 2."""

from __future__ import annotations


class UserError(Exception):
    """The call could not be carried out (bad option, unreadable file); the message is one clear line."""
