# The model by Azure Functions.

.PHONY: deploy-azure deploy-azure-plan deploy-azure-check deploy-azure-destroy

SERVERLESS_AZURE := scripts/serverless_azure.py

deploy-azure: $(READY) ## Serve the model by Azure Functions, or VERSION=v1.0.0 again; asks first
	@$(VENV)/bin/python $(SERVERLESS_AZURE) $(if $(value VERSION),rollback --version $(call quoted,VERSION),up $(if $(AUTO),--auto))

deploy-azure-plan: $(READY) ## Show what deploy-azure would do
	@$(VENV)/bin/python $(SERVERLESS_AZURE) plan

deploy-azure-check: $(READY) ## Check the files of the function app; needs no account
	@$(VENV)/bin/python $(SERVERLESS_AZURE) check

deploy-azure-destroy: $(READY) ## Destroy the function app with its images
	@$(VENV)/bin/python $(SERVERLESS_AZURE) down $(if $(AUTO),--auto)
