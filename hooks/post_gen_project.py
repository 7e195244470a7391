"""After the shared files are written: lay the recipe over them, wire the answers in, and start the repository."""

import signal

if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as a shell starts programs in the background
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to clear away, Ctrl-C ends it silently
import json
import sys
from importlib import import_module

# Rendered to a temporary file by cookiecutter: the path enters as data, and imports come from the template.
TEMPLATE = json.loads(r'''<< template_root | tojson >>''')  # fmt: skip
WATCHER = int("<< watcher(cookiecutter._output_dir | default(''), cookiecutter.project_slug) >>")
sys.path[0] = TEMPLATE + "/hooks"
import_module("stamping.watching").join()
sys.exit(import_module("stamping.after").after(WATCHER))
