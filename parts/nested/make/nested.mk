# Nested cross-validation.

.PHONY: nested

nested: $(READY) .dvc/config ## Repeat the whole search on each outer split of params/split.yaml
	@$(VENV)/bin/dvc repro --quiet split
	@$(VENV)/bin/python -m $(PACKAGE) nested
