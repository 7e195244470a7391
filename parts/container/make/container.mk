# Images and what runs in them.

.PHONY: image inside

IMAGE := << cookiecutter.project_slug | project_slug >>
ENGINE ?= $(shell for one in docker podman; do command -v $$one >/dev/null && echo $$one && break; done)
# The target of the Dockerfile.
TARGET = $(or $(call quoted,STAGE),serve)
# What of the environment counts in the image as well, where it is set: the comparison, and access to DVC's remote.
PASSED := BASE LINK PULL CI AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_REGION AWS_DEFAULT_REGION \
	AWS_ENDPOINT_URL AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE AZURE_CLIENT_ID AZURE_TENANT_ID AZURE_FEDERATED_TOKEN_FILE \
	AZURE_STORAGE_CONNECTION_STRING GOOGLE_APPLICATION_CREDENTIALS

image: ## Build the image of the service; with STAGE=train the one to work and train in
	@test -n "$(ENGINE)" || { echo "neither docker nor podman is installed, and one of them builds images" >&2; exit 1; }
	@test $(TARGET) != serve || test -f models/package/manifest.json || { \
		echo "there is no model to put into the image yet: make run makes models/package" >&2; exit 1; }
	DOCKER_BUILDKIT=1 $(ENGINE) build --target $(TARGET) --tag $(IMAGE):$(TARGET) \
		$(if $(filter podman,$(notdir $(ENGINE))),--format docker) \
		$(if $(value PYTHON_IMAGE),--build-arg PYTHON_IMAGE=$(call quoted,PYTHON_IMAGE)) \
		$(if $(value EXTRAS),--build-arg EXTRAS=$(call quoted,EXTRAS)) .

inside: ## Do something in the image to train in: make inside DO="make run"
	@test -n "$(ENGINE)" || { echo "neither docker nor podman is installed, and one of them runs images" >&2; exit 1; }
	$(ENGINE) run --rm --user "$$(id -u):$$(id -g)" $(if $(filter podman,$(notdir $(ENGINE))),--userns keep-id) \
		--volume "$(CURDIR):/project" --env HOME=/tmp $(foreach one,$(PASSED),$(if $(value $(one)),--env $(one))) \
		$(IMAGE):train $(or $(DO),make run)
