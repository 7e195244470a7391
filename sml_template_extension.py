"""What the template's Jinja environment knows beyond cookiecutter's own: where the template is, where the user
stands, default answers that are valid names, and quoting."""

import sys
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT / "hooks"))
try:
    from stamping.refusal import repeat_at_end
    from stamping.rendering import FILTERS
    from stamping.watching import watch, watcher
finally:
    sys.path.remove(str(ROOT / "hooks"))


class TemplateExtension(Extension):
    """Globals and filters of the template.

    Globals: `template_root`, `invoked_from`, `watch` and `watcher`; filters: `project_slug`, `package_name`,
    `dns_label`, `quoted`.
    """

    invoked_from = Path.cwd()

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        repeat_at_end()
        # Hooks are rendered with the template as the working directory; everything before them where the user is.
        if Path.cwd() != ROOT:
            TemplateExtension.invoked_from = Path.cwd()
        environment.globals["template_root"] = str(ROOT)
        environment.globals["invoked_from"] = str(self.invoked_from)
        environment.globals["watch"], environment.globals["watcher"] = watch, watcher
        environment.filters.update(FILTERS)
