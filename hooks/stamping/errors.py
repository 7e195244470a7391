"""The one exception that a user sees as a sentence, and the nearest right name to put into it."""

from collections.abc import Iterable


class AnswerError(Exception):
    """An answer that cannot be used; its text is one sentence: which answer, what is wrong, what would be right."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name nearest to `name`, whatever its case, or None if none is near."""
    from difflib import get_close_matches  # not needed while all is well

    by_lower = {one.lower(): one for one in known}
    found = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None


def some(names: Iterable[str], most: int = 6) -> str:
    """The first few of `names`, for a sentence."""
    names = [name for name in names if name]
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
