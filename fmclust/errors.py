"""The one exception type for what a user can put right."""


class UserError(Exception):
    """A user's mistake; its text says what is wrong, with which value, and what to type."""
