#!/bin/bash
# Checks and measures a GPU, in less than ten minutes, with a Python that has the packages of
# pyproject.toml: no Bazel, no network. Options: max/tests/gpu_smoke.sh --help
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
export PYTHONPATH="$root/max/python:$root/max/tests${PYTHONPATH:+:$PYTHONPATH}"
export HF_HUB_OFFLINE=1
exec "${PYTHON:-python3}" -m integration.gpu.smoke "$@"
