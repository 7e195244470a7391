# Searches, models and trials in trackers.

.PHONY: track

# A tracker that is down fails no run.
AFTER_RUN += $(VENV)/bin/python -m $(PACKAGE).parts.tracking || true;

track: $(READY) ## Send what the trackers of params/tracking.yaml lack, as after one was down
	@$(VENV)/bin/python -m $(PACKAGE) track
