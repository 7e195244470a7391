# The final model as a script.

.PHONY: script

script: $(READY) ## Write the final model as a scikit-learn script: make script FILE=model.py
	@$(VENV)/bin/python -m $(PACKAGE) script $(or $(call quoted,FILE),model.py)
