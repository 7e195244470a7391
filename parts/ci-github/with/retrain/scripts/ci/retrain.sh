#!/bin/sh
# Retrain, and keep the new run only if it is better than the registered model, or the first one.
set -eu
cd "$(dirname "$0")/../.."
"${MAKE:-make}" retrain
verdict=$(python -c 'import json; print(json.load(open("reports/retrain.json"))["verdict"])')
mkdir -p reports/review
: >reports/review/changes.patch
case $verdict in
better | first) scripts/ci/keep.sh ;;
*) echo "the new model is kept out: $verdict" ;;
esac
