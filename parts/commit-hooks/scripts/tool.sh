#!/bin/sh
# Run a command with the project's environment in front: sh scripts/tool.sh ruff check
# git starts its hooks with the PATH of whoever commits, an editor for example, which knows nothing of .venv.
PATH="${PROJECT_VENV:-$PWD/.venv}/bin:$PATH"
export PATH
export DVC_NO_ANALYTICS=1
exec "$@"
