#!/bin/sh
# What a machine does with a job, in the folder that was brought to it. Whatever has to come home is put into output/;
# output/exit is written last: it says that the job has ended, and how. A machine that comes back goes on from where it
# was, and another one from what output/ holds of the searches.
set -u
# shellcheck source=/dev/null
. ./job.env
if ! command -v timeout > /dev/null; then timeout() { shift 3; "$@"; }; fi # macOS has none; the run ends in time by itself

if [ "${1:-}" != inside ]; then
    mkdir -p output
    if [ -f output/exit ]; then exit "$(cat output/exit)"; fi
    # Whatever hangs is ended; the run itself ends two minutes earlier, so that there is time to pack what it has made.
    { timeout -k 30 "$((TIMEOUT + 120))" sh ./job.sh inside; echo "$?" > output/.exit; } 2>&1 | tee -a output/log.txt
    mv output/.exit output/exit
    exit "$(cat output/exit)"
fi

set -e
if [ -z "${JOB_IN_IMAGE:-}" ] && [ -f setup.sh ]; then sh ./setup.sh; fi

# What a registry of AWS takes for a password: by the machine's role, or by keys that came along.
ecr_password() {
    region=${1#*.dkr.ecr.}
    region=${region%%.*}
    if command -v aws > /dev/null; then
        aws ecr get-login-password --region "$region"
    else
        set -- --rm --network host
        for name in $ENVIRONMENT; do set -- "$@" --env "$name"; done
        docker run "$@" public.ecr.aws/aws-cli/aws-cli ecr get-login-password --region "$region"
    fi
}

if [ -n "$IMAGE" ] && [ -z "${JOB_IN_IMAGE:-}" ]; then
    case "$IMAGE" in
    *.dkr.ecr.*.amazonaws.com*) ecr_password "$IMAGE" | docker login --username AWS --password-stdin "${IMAGE%%/*}" ;;
    esac
    set -- --rm --user "$(id -u):$(id -g)" --env HOME=/tmp --env JOB_IN_IMAGE=1 --volume "$PWD:/job" --workdir /job
    for name in $ENVIRONMENT; do set -- "$@" --env "$name"; done
    if [ -n "$GPU" ]; then set -- "$@" --gpus all; fi
    exec docker run "$@" "$IMAGE" sh ./job.sh inside
fi

if [ ! -d project ]; then
    echo "unpacking the project"
    rm -rf project.new
    mkdir project.new
    tar -xzf project.tar.gz -C project.new
    mv project.new project
fi
cd project

if [ -n "${PROJECT_VENV:-}" ]; then
    PATH="$PROJECT_VENV/bin:$PATH"
else
    echo "making the environment"
    if ! command -v uv > /dev/null && ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python3 -m pip install --quiet --user uv
        PATH="$HOME/.local/bin:$PATH"
    fi
    make .venv/.ready
    PATH="$PWD/.venv/bin:$PATH"
fi
PYTHONPATH=src
PYTHONUNBUFFERED=1
DVC_NO_ANALYTICS=1
export PATH PYTHONPATH PYTHONUNBUFFERED DVC_NO_ANALYTICS
exec python -m "$PACKAGE.parts.remote.work"
