# Data of another repository.

.PHONY: data

BEFORE_RUN += $(VENV)/bin/python -m $(PACKAGE) data;

data: $(READY) .dvc/config ## Import the data that are kept in another repository; newer ones with UPDATE=1
	@$(VENV)/bin/python -m $(PACKAGE) data $(if $(UPDATE),--update)
