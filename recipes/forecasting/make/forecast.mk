# The next values of the series.
.PHONY: forecast

forecast: $(READY) ## Forecast what follows the data: make forecast HORIZON=24 TO=next.csv
	@$(VENV)/bin/python -m $(PACKAGE) forecast $(or $(call quoted,TO),forecast.csv) \
		$(if $(value HORIZON),--horizon $(call quoted,HORIZON)) $(if $(value FROM),--source $(call quoted,FROM))
