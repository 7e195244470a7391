# The service.

.PHONY: serve

serve: $(READY) ## Serve the model over HTTP, with a page to try it; needs the extra `serve`
	@test -x $(VENV)/bin/uvicorn || { echo "uvicorn is not installed, which is in the extra \`serve\`:" \
		"$(if $(UV),uv pip install --python $(VENV)/bin/python,$(VENV)/bin/python -m pip install) -e '.[serve]'" >&2; exit 1; }
	@$(VENV)/bin/python -m $(PACKAGE) serve
