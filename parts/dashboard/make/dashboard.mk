# Optuna's dashboard.

.PHONY: dashboard

dashboard: $(READY) ## Open a search in Optuna's dashboard: make dashboard MODEL=random_forest
	@test -x $(VENV)/bin/optuna-dashboard || { echo "optuna-dashboard is not installed, which is the extra \`dashboard\`:" \
		"$(if $(UV),uv pip install --python $(VENV)/bin/python,$(VENV)/bin/python -m pip install) -e '.[dashboard]'" >&2; exit 1; }
	@journal=$$(ls -t .cache/studies/$(or $(call quoted,MODEL),*)/*/journal.log 2>/dev/null | head -n 1); \
	test -n "$$journal" || { echo "there is no search"$(if $(value MODEL),' of '$(call quoted,MODEL))" yet: make run makes one" >&2; exit 1; }; \
	echo "$$journal"; $(VENV)/bin/optuna-dashboard "$$journal"
