# The sandbox in AWS.

.PHONY: sandbox-up sandbox-plan sandbox-status sandbox-down sandbox-test

SANDBOX := scripts/sandbox.py

sandbox-up: $(READY) ## Make the sandbox in AWS, or change it; tell DVC and CI
	@$(VENV)/bin/python $(SANDBOX) up $(if $(AUTO),--auto) $(if $(PUSH),--push)

sandbox-plan: $(READY) ## Show what sandbox-up would change
	@$(VENV)/bin/python $(SANDBOX) plan

sandbox-status: $(READY) ## Show what the sandbox has, and what is in it
	@$(VENV)/bin/python $(SANDBOX) status

sandbox-down: $(READY) ## Destroy the sandbox; with EMPTY=1 also what is in it
	@$(VENV)/bin/python $(SANDBOX) down $(if $(AUTO),--auto) $(if $(EMPTY),--empty)

sandbox-test: $(READY) ## Check the sandbox's files; needs no account
	@$(VENV)/bin/python $(SANDBOX) test
