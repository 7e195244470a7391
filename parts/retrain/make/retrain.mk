# Retraining.

.PHONY: retrain

retrain: $(READY) .dvc/config ## Take new data, train, and judge the new model against the registered one
	@$(VENV)/bin/python -m $(PACKAGE) retrain
