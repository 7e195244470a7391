"""Print the parts of the template and those that an answer takes, as JSON: for `scripts/update.py` of stamped projects.

    PYTHONPATH=hooks python -m stamping.listing "standard, dashboard"

The output is a contract with projects of any age: `known` has the summary of each part of the template, `here` the
summary of each part that the answer takes, `needed` by name those that need it, and `words` the names that each word of
the answer means.
"""

import json
import sys
import tempfile
from pathlib import Path

from . import parts
from .errors import AnswerError

TEMPLATE = Path(__file__).resolve().parents[2]


def main(answer: str) -> None:
    """Print the parts; on an answer that cannot be used, exit with its sentence."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            words = parts.meant(answer, TEMPLATE, Path.cwd(), Path(folder))
            here = parts.taken(words, TEMPLATE)
            known = [parts.part(TEMPLATE, name) for name in parts.names(TEMPLATE)]
        except AnswerError as error:
            sys.exit(str(error))
    print(
        json.dumps(
            {
                "known": {part.name: part.summary for part in known},
                "here": {part.name: part.summary for part in here},
                "needed": parts.needed(here),
                "words": [[word, [part.name for part in found]] for word, found in words],
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1])
