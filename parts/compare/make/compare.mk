# The comparison with a git revision.

.PHONY: compare ci

compare: $(READY) ## Compare this project with a git revision: make compare BASE=main
	@$(VENV)/bin/python -m $(PACKAGE) compare $(call quoted,BASE) $(if $(value LINK),--link $(call quoted,LINK))

ci: $(READY) .dvc/config ## Do what continuous integration does: check, lint, test, run, compare with BASE
	@scripts/ci.sh
