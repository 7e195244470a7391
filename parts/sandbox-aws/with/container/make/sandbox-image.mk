# The sandbox's registry of images.

.PHONY: sandbox-image

sandbox-image: $(READY) ## Put the image to train in into the sandbox's registry
	@ENGINE="$(ENGINE)" $(VENV)/bin/python $(SANDBOX) image
