# The model as a function of AWS Lambda.

.PHONY: deploy-aws deploy-aws-plan deploy-aws-check deploy-aws-destroy deploy-aws-size

SERVERLESS := scripts/serverless_aws.py

deploy-aws: $(READY) ## Serve the model by AWS Lambda, or VERSION=v1.0.0 again; asks first
	@$(VENV)/bin/python $(SERVERLESS) $(if $(value VERSION),rollback --version $(call quoted,VERSION),up $(if $(AUTO),--auto))

deploy-aws-plan: $(READY) ## Show what deploy-aws would do
	@$(VENV)/bin/python $(SERVERLESS) plan

deploy-aws-check: $(READY) ## Check the files of the function; needs no account
	@$(VENV)/bin/python $(SERVERLESS) check

deploy-aws-destroy: $(READY) ## Destroy the function with its images
	@$(VENV)/bin/python $(SERVERLESS) down $(if $(AUTO),--auto)

deploy-aws-size: $(READY) ## Build what the function runs in .cache/lambda and measure it
	@rm -rf .cache/lambda
	@$(VENV)/bin/python scripts/lambda_bundle.py install .cache/lambda $(if $(value EXTRAS),--extras $(call quoted,EXTRAS))
	@$(VENV)/bin/python scripts/lambda_bundle.py finish .cache/lambda
	@$(VENV)/bin/python scripts/lambda_bundle.py measure .cache/lambda
