"""After the shared files are written: lay the recipe over them, wire the answers in, and start the repository."""

import json
import sys
from importlib import import_module

# Rendered to a temporary file by cookiecutter: the path enters as data, and imports come from the template.
TEMPLATE = json.loads(r'''<< template_root | tojson >>''')  # fmt: skip
sys.path[0] = TEMPLATE + "/hooks"
sys.exit(import_module("stamping.after").after())
