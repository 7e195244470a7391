# Drift. `python -m $(PACKAGE) drift` exits with 3 if there is any, which make turns into 2 like every failure.

.PHONY: drift

drift: $(READY) ## Compare new rows with those of training: make drift DATA=new.csv
	@$(VENV)/bin/python -m $(PACKAGE) drift $(if $(value DATA),--data $(call quoted,DATA)) \
		$(if $(value SINCE),--since $(call quoted,SINCE)) $(if $(value UNTIL),--until $(call quoted,UNTIL)) \
		$(if $(value LABELS),--labels $(call quoted,LABELS)) $(if $(value KEY),--key $(call quoted,KEY))
