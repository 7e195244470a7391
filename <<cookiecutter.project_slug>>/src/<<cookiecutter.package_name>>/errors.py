"""The one exception that its reader sees as a sentence, not as a traceback."""

from collections.abc import Iterable
from difflib import get_close_matches


class UserError(Exception):
    """Something that the project's owner can put right: what is wrong, where, what would be right.

    Parameters
    ----------
    message : one sentence.
    place : if the cause stands in the params: the file in `params/`, then the keys that lead to it.
    """

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.message, self.place = message, place

    def __str__(self) -> str:
        return f"params/{self.place[0]}: {self.message}" if self.place else self.message


def nearest(name: object, names: Iterable[str]) -> str:
    """The end of an error message: the known name nearest to `name`, or all of a short list.

    Returns an empty string where there is nothing useful to say.
    """
    known = sorted(set(map(str, names)))
    lowered = {one.lower(): one for one in known}
    found = get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.6)
    if found:
        return f"; did you mean {lowered[found[0]]!r}?"
    if 0 < len(known) <= 25:
        return f"; possible here: {', '.join(known)}"
    return ""
