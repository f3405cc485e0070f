#!/usr/bin/env bash
# Fill the folder .whl/ with what tests/cuda/gpu_day.sh needs on a machine that has a GPU and no network: ninx as it is committed or
# not, and the packages that such a machine lacks. It has Linux on x86-64, Python 3.12, CuPy, PyTorch, Numba, pytest and the like.
set -euo pipefail
cd "$(dirname "$0")/../.."
python=${PYTHON:-python3}
lacking=(pydantic pydantic-core annotated-types typing-inspection typing-extensions pooch platformdirs tbb)

all=$(mktemp -d)
trap 'rm -rf "$all"' EXIT
rm -rf .whl && mkdir .whl "$all/source"
git ls-files -z --cached --others --exclude-standard | tar --null --ignore-failed-read -T - -c | tar -x -C "$all/source"
"$python" -m pip wheel --quiet --no-deps --wheel-dir .whl "$all/source"
# One pydantic goes with one pydantic-core, so pip is asked for all at once; what else they need is there already.
platforms=()
for glibc in 28 27 24 17; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
"$python" -m pip download --quiet --only-binary=:all: --python-version 3.12 --implementation cp "${platforms[@]}" \
  --platform manylinux2014_x86_64 --platform manylinux1_x86_64 --dest "$all" "${lacking[@]}"
for name in "${lacking[@]}"; do mv "$all/${name//-/_}"-*.whl .whl/; done
size=$(du -sm .whl | cut -f1)
echo ".whl/ has $(find .whl -type f | wc -l) wheels, ${size} MiB"
test "$size" -lt 60 || { echo "that is more than the 60 MiB that travel"; exit 1; }
