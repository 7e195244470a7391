#!/bin/sh
# Have the image to train in: pulled from REGISTRY if there is one of the same Dockerfile and dependencies, built if not.
# With --push it is put there for the next one.
set -eu
cd "$(dirname "$0")/../.."
image=$(sed -n 's/^IMAGE := //p' make/container.mk):train
key=$(cat Dockerfile pyproject.toml scripts/requirements.py | sha256sum | cut -c 1-16)
stored=$(printf '%s' "${REGISTRY:-}" | tr '[:upper:]' '[:lower:]'):train-$key

if [ -n "${REGISTRY:-}" ] && docker pull --quiet "$stored"; then
    docker tag "$stored" "$image"
else
    make image STAGE=train ENGINE=docker
    if [ "${1:-}" = --push ]; then
        docker tag "$image" "$stored"
        docker push --quiet "$stored"
    fi
fi
