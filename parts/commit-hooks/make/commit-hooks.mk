# Hooks of git.

.PHONY: hooks

hooks: $(READY) ## Check each commit before it is made: ruff, mypy, params/, secrets, DVC
	@test -x $(VENV)/bin/pre-commit || { echo "pre-commit is not installed, which is in the extra \`hooks\`:" \
		"$(if $(UV),uv pip install --python $(VENV)/bin/python,$(VENV)/bin/python -m pip install) -e '.[hooks]'" >&2; exit 1; }
	@test -e .git || { echo "this folder is not the top of a git repository, which is where hooks belong" >&2; exit 1; }
	@$(VENV)/bin/pre-commit install --allow-missing-config
