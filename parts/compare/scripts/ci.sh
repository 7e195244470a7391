#!/bin/sh
# What `make ci` does, on a laptop as in a job: validate, lint, test, fetch, run what has changed, compare with BASE.
# It sends nothing anywhere. PULL=no fetches nothing from DVC's remote, for those who may not read it.
set -eu
cd "$(dirname "$0")/.."
make=${MAKE:-make}

"$make" check lint test

if [ "${PULL:-yes}" = yes ] && [ -n "$(dvc config core.remote)" ]; then
    # What nobody has pushed is made again by the pipeline; the data cannot be, and are looked for below.
    dvc pull --allow-missing
fi

missing=
for note in data/raw/*.dvc; do
    # An import is fetched from where it comes from.
    if [ -e "$note" ] && [ ! -e "${note%.dvc}" ] && ! grep -q "^deps:" "$note"; then missing="$missing ${note%.dvc}"; fi
done
if [ -n "$missing" ]; then
    echo "the pipeline is not run: the data are not here, and DVC's remote did not bring them:$missing"
else
    "$make" run
fi

if [ -n "${BASE:-}" ] && ! git rev-parse --verify --quiet "$BASE^{commit}" >/dev/null; then
    echo "note: git knows no revision $BASE to compare with"
    BASE=
fi
"$make" compare BASE="${BASE:-}" LINK="${LINK:-}"
