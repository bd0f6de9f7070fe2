"""The one exception type for what a user can put right."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """A user's mistake; its text says what is wrong, with which value, and what to type."""


def require_option(key: str, value: object, options: Iterable[str]) -> None:
    """Checks that a value is one of the options.

    Args:
        key: The name as one types it, `model.loss` for instance.
        value: What was typed.
        options: What can be typed.

    Raises:
        UserError: If it is none of them; names the nearest.
    """
    known = list(options)
    if value not in known:
        near = get_close_matches(str(value), known, n=1)
        hint = f"{key}={near[0]}" if near else f"{key}= with one of: {', '.join(known)}"
        raise UserError(f"{key}={value} is unknown: type {hint}.")


def require_at_least(key: str, value: object, least: float) -> None:
    """Checks that a value is a number, and not below the least that makes sense.

    Raises:
        UserError: If it is no number, or below.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{key}={value} is no number: type {key}= with a value from {least} on.")
    if not value >= least:
        raise UserError(f"{key}={value} is too small: type {key}= with a value from {least} on.")
