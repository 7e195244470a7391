# The pipeline as a flow of Metaflow.

.PHONY: metaflow metaflow-run metaflow-resume metaflow-take

METAFLOW = $(VENV)/bin/python -c 'import metaflow' 2>/dev/null || { echo "metaflow is not installed, which is the extra" \
	"\`metaflow\`: $(if $(UV),uv pip install --python $(VENV)/bin/python,$(VENV)/bin/python -m pip install) -e '.[metaflow]'" >&2; exit 1; }
# Metaflow wants to know who runs a flow, and root is nobody to it.
AS_USER = METAFLOW_USER="$${METAFLOW_USER:-$$(id -un | sed 's/^root$$/$(PACKAGE)/')}"

metaflow: $(READY) ## Write the pipeline as a flow of Metaflow: flow.py
	@$(METAFLOW)
	@$(VENV)/bin/python -m $(PACKAGE) metaflow-write

metaflow-run: $(READY) ## Write the flow and run it; one task at a time, or WORKERS=4; WITH=kubernetes
	@$(METAFLOW)
	@$(VENV)/bin/python -m $(PACKAGE) metaflow-write
	@$(AS_USER) $(VENV)/bin/python flow.py run --max-workers $(or $(call quoted,WORKERS),1) \
		$(if $(value WITH),--with $(call quoted,WITH))

metaflow-resume: $(READY) ## Go on with the run that failed last, or RUN=12; FROM=start repeats all
	@$(METAFLOW)
	@$(AS_USER) $(VENV)/bin/python flow.py resume $(call quoted,FROM) --max-workers $(or $(call quoted,WORKERS),1) \
		$(if $(value RUN),--origin-run-id $(call quoted,RUN)) $(if $(value WITH),--with $(call quoted,WITH))

metaflow-take: $(READY) .dvc/config ## Take over what a run of the flow made: make metaflow-take RUN=12
	@$(METAFLOW)
	@$(AS_USER) $(VENV)/bin/python -m $(PACKAGE) metaflow-take $(call quoted,RUN)
