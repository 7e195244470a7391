# Notebooks.

.PHONY: notebooks pair badges

NOTEBOOKS = echo "papermill is not installed, which is in the extra \`notebooks\`:" \
	"$(if $(UV),uv pip install --python $(VENV)/bin/python,$(VENV)/bin/python -m pip install) -e '.[notebooks]'"

notebooks: $(READY) ## Run notebooks into pages: make notebooks NOTEBOOK=errors PARAMS=rows=20
	@test -x $(VENV)/bin/papermill || { $(NOTEBOOKS) >&2; exit 1; }
	@$(VENV)/bin/python -m $(PACKAGE) notebooks $(call each,NOTEBOOK) $(call each,PARAMS,--param)

pair: $(READY) ## Write notebooks/*.ipynb for Jupyter, or take over what was edited there
	@test -x $(VENV)/bin/papermill || { $(NOTEBOOKS) >&2; exit 1; }
	@$(VENV)/bin/python -m $(PACKAGE) pair

badges: $(READY) ## Write badges for Binder, Colab and others: make badges REPO=owner/name
	@test -x $(VENV)/bin/papermill || { $(NOTEBOOKS) >&2; exit 1; }
	@$(VENV)/bin/python -m $(PACKAGE) badges $(call quoted,REPO)
