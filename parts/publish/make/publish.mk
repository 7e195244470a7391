# Published models.

.PHONY: publish

publish: $(READY) ## Copy the packaged model to a storage: make publish TO=s3://bucket/name
	@$(VENV)/bin/python -m $(PACKAGE) publish $(call quoted,TO)
