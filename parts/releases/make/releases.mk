# Versions of the model.

.PHONY: register promote rollback registry

RELEASE = $(if $(value VERSION),--version $(call quoted,VERSION)) $(if $(filter no,$(PUSH)),--no-push)

register: $(READY) ## Make the last model a version: make register VERSION=v1.2.0 PUSH=no
	@$(VENV)/bin/python -m $(PACKAGE) register $(RELEASE)

promote: $(READY) ## Put a version into a stage: make promote STAGE=prod VERSION=v1.2.0
	@test -n $(or $(call quoted,STAGE),'') || { echo "into which stage? make promote STAGE=prod" >&2; exit 1; }
	@$(VENV)/bin/python -m $(PACKAGE) promote $(call quoted,STAGE) $(RELEASE)

rollback: $(READY) ## Put back what stood there before: make rollback STAGE=prod
	@test -n $(or $(call quoted,STAGE),'') || { echo "in which stage? make rollback STAGE=prod" >&2; exit 1; }
	@$(VENV)/bin/python -m $(PACKAGE) rollback $(call quoted,STAGE) $(if $(filter no,$(PUSH)),--no-push)

registry: $(READY) ## List the versions, where each stands, and their metrics
	@$(VENV)/bin/python -m $(PACKAGE) registry
