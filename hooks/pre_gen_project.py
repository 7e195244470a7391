"""Before anything is written: refuse an answer that cannot be used, in one sentence."""

import json
import sys

# Rendered to a temporary file by cookiecutter: answers and paths enter as data, and imports come from the template.
ANSWERS = json.loads(r'''<< cookiecutter | tojson >>''')  # fmt: skip
TEMPLATE, HERE = json.loads(r'''<< [template_root, invoked_from] | tojson >>''')  # fmt: skip
sys.path[0] = TEMPLATE + "/hooks"

from stamping.before import before  # noqa: E402  (it stands in the template, which is known only now)

sys.exit(before(ANSWERS, TEMPLATE, HERE))
