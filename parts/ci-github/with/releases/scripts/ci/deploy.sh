#!/bin/sh
# Deploy what a promotion tag names: deploy.sh 'model#prod#3'. The tag is checked out; its model is fetched, put into the
# image of the service, asked for a prediction there, and pushed to REGISTRY as serve-<stage> and serve-<stage>-<number>.
set -eu
cd "$(dirname "$0")/../.."
case $1 in
*'!'*)
    echo "$1 takes a model out of its stage: there is nothing to deploy"
    exit 0
    ;;
*'#'*'#'*) ;;
*)
    echo "$1 is no tag of a promotion, which looks like model#prod#3" >&2
    exit 1
    ;;
esac
stage=$(printf '%s' "$1" | cut -d '#' -f 2)
number=$(printf '%s' "$1" | cut -d '#' -f 3)
image=$(sed -n 's/^IMAGE := //p' Makefile):serve
stored=$(printf '%s' "${REGISTRY:?names no registry to push to}" | tr '[:upper:]' '[:lower:]'):serve-$stage

make inside DO="dvc pull models/package" ENGINE=docker
make image STAGE=serve ENGINE=docker
container=$(docker run --detach --publish 8000:8000 "$image")
trap 'docker logs "$container"; docker rm --force "$container" >/dev/null' EXIT
python3 scripts/smoke.py "http://${SERVICE_HOST:-127.0.0.1}:8000"
for name in "$stored" "$stored-$number"; do
    docker tag "$image" "$name"
    docker push --quiet "$name"
done
