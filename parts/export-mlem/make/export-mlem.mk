# The environment of MLEM.

.PHONY: mlem

mlem: .venv-mlem/.ready ## Make .venv-mlem, in which the flavor MLEM saves models

.venv-mlem/.ready: scripts/mlem.txt
ifneq ($(UV),)
	@"$(UV)" venv --quiet --allow-existing --python '>=3.11,<3.12' .venv-mlem
	@"$(UV)" pip install --quiet --python .venv-mlem/bin/python --requirements scripts/mlem.txt
else
	@"$(PYTHON)" -m venv .venv-mlem
	@.venv-mlem/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --requirement scripts/mlem.txt
endif
	@touch .venv-mlem/.ready
