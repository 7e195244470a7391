#!/bin/sh
# After a run in a job: what it changed of the files that git tracks becomes a patch, for propose.py; what it made goes to
# DVC's remote first, for a dvc.lock whose artifacts nobody has is of no use.
set -eu
cd "$(dirname "$0")/../.."
mkdir -p reports/review
git add --intent-to-add .
git diff --binary >reports/review/changes.patch
git reset --quiet
if [ ! -s reports/review/changes.patch ]; then
    echo "the run has changed nothing that git tracks"
elif [ -n "$(dvc config core.remote)" ]; then
    "${MAKE:-make}" push || {
        : >reports/review/changes.patch
        echo "what the run made could not be sent to DVC's remote, so nothing is proposed" >&2
        exit 1
    }
else
    echo "DVC has no remote: what the run made is not kept, and whoever wants it runs the pipeline"
fi
