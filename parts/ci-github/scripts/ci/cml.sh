#!/bin/sh
# CML, installed if it is not there, for those who have chosen it: cml.sh comment create ...
set -eu
command -v cml >/dev/null || npm install --global @dvcorg/cml@0.20.6
exec cml "$@"
