# Runs on another machine.

.PHONY: remote remote-status remote-logs remote-fetch remote-stop

remote: $(READY) .dvc/config ## Run the pipeline on the machine of params/remote.yaml: make remote JOB=...
	@$(VENV)/bin/python -m $(PACKAGE) remote run $(call quoted,JOB)

remote-status: $(READY) ## List the jobs of make remote
	@$(VENV)/bin/python -m $(PACKAGE) remote status

remote-logs: $(READY) ## Print what a job has said so far
	@$(VENV)/bin/python -m $(PACKAGE) remote logs $(call quoted,JOB)

remote-fetch: $(READY) ## Take over what a job made and end its machine: make remote-fetch TO=folder
	@$(VENV)/bin/python -m $(PACKAGE) remote fetch $(call quoted,JOB) $(if $(value TO),--to $(call quoted,TO))

remote-stop: $(READY) ## End a job and its machine, or each one: make remote-stop JOB=all
	@$(VENV)/bin/python -m $(PACKAGE) remote stop $(call quoted,JOB)
