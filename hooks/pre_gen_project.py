"""Before anything is written: refuse an answer that cannot be used, in one sentence."""

import signal

if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as a shell starts programs in the background
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until there is something to clear away, Ctrl-C ends it silently
import json
import sys
from importlib import import_module

# Rendered to a temporary file by cookiecutter: answers and paths enter as data, and imports come from the template.
ANSWERS = json.loads(r'''<< cookiecutter | tojson >>''')  # fmt: skip
TEMPLATE, HERE = json.loads(r'''<< [template_root, invoked_from] | tojson >>''')  # fmt: skip
WATCHER = int("<< watch(cookiecutter._output_dir | default(''), cookiecutter.project_slug) >>")
sys.path[0] = TEMPLATE + "/hooks"
import_module("stamping.watching").join()
sys.exit(import_module("stamping.before").before(ANSWERS, TEMPLATE, HERE, WATCHER))
