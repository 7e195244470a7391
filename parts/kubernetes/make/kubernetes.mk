# The service in Kubernetes.

.PHONY: push-image set-image kubernetes-check

UNPUSHED = $(if $(filter no,$(PUSH)),--no-push)
OF_VERSION = $(if $(value VERSION),--version $(call quoted,VERSION))

push-image: $(READY) ## Build and push the image of a registered model, and note its digest
	@$(VENV)/bin/python -m $(PACKAGE) push-image $(OF_VERSION) $(UNPUSHED)
	@$(MAKE) --no-print-directory image STAGE=serve
	@$(VENV)/bin/python -m $(PACKAGE) push-image --engine $(ENGINE) --built $(IMAGE):serve $(OF_VERSION) $(UNPUSHED)

set-image: $(READY) ## Let an overlay run an image: make set-image STAGE=prod VERSION=v1.2.0
	@test -n $(or $(call quoted,STAGE),'') || { echo "which overlay? make set-image STAGE=prod VERSION=v1.0.0" >&2; exit 1; }
	@$(VENV)/bin/python -m $(PACKAGE) set-image $(call quoted,STAGE) $(OF_VERSION) \
		$(if $(filter command line,$(origin IMAGE)),--image $(call quoted,IMAGE)) $(UNPUSHED)

kubernetes-check: ## Render every overlay with kubectl; nothing is applied
	@command -v kubectl > /dev/null || { echo "kubectl is not installed, and it renders the overlays" >&2; exit 1; }
	@for overlay in deploy/kubernetes/overlays/*/ deploy/kubernetes/mlflow deploy/kubernetes/argocd; do \
		kubectl kustomize "$$overlay" > /dev/null && echo "$$overlay is fine" || exit 1; done
