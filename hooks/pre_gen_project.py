"""Before anything is written: refuse an answer that cannot be used, in one sentence."""

import json
import sys
from importlib import import_module

# Rendered to a temporary file by cookiecutter: answers and paths enter as data, and imports come from the template.
ANSWERS = json.loads(r'''<< cookiecutter | tojson >>''')  # fmt: skip
TEMPLATE, HERE = json.loads(r'''<< [template_root, invoked_from] | tojson >>''')  # fmt: skip
sys.path[0] = TEMPLATE + "/hooks"
sys.exit(import_module("stamping.before").before(ANSWERS, TEMPLATE, HERE))
