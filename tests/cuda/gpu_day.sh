#!/usr/bin/env bash
# What holds on a machine with an NVIDIA GPU, in at most eight minutes and without a network:
#   tests/cuda/gpu_wheels.sh               on a machine with a network, once: fills .whl/, which travels with the clone
#   tests/cuda/gpu_day.sh [FOLDER]         on the machine with the GPU: writes FOLDER/gpu-day.json and FOLDER/gpu-day.md
# NINX_GPU_DAY=stand-in: the same with the tests' stand-in for CuPy, small, with the ninx that PYTHON has installed.
# NINX_GPU_DAY_PARTS=bf: only these parts; see gpu_day.py.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:-${OUT:-gpu-day}}
python=${PYTHON:-python3}
mkdir -p "$folder" && folder=$(cd "$folder" && pwd)

if [ "${NINX_GPU_DAY:-}" != stand-in ]; then
  test -n "$(ls "$root"/.whl/ninx-*.whl 2> /dev/null)" || { echo "no .whl/: run tests/cuda/gpu_wheels.sh where there is a network"; exit 2; }
  site=$(mktemp -d)
  trap 'rm -rf "$site"' EXIT
  "$python" -m pip install --quiet --no-index --no-deps --no-compile --no-cache-dir --target "$site/packages" "$root"/.whl/*.whl
  # With --target pip leaves out the library of the wheel tbb.
  "$python" -m zipfile -e "$root"/.whl/tbb-*.whl "$site/tbb"
  export PYTHONPATH=$site/packages
  LD_LIBRARY_PATH=$(echo "$site"/tbb/tbb-*.data/data/lib)${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
fi
rooms=$(printf "%s:" "$root"/tests/*/)
export PYTHONPATH=${rooms%:}${PYTHONPATH:+:$PYTHONPATH} PYTHONSAFEPATH=1  # not ./ninx, which is only half of the package
unset CUPY_TF32
cd "$root"
"$python" tests/cuda/gpu_day.py --folder "$folder" ${NINX_GPU_DAY_PARTS:+--parts "$NINX_GPU_DAY_PARTS"}
