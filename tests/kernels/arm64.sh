#!/usr/bin/env bash
# The kernels' tests as real 64-bit ARM code, emulated by qemu on Debian 12 (x86-64, as root, Linux 6.7 or newer):
#   tests/kernels/arm64.sh FOLDER [PYTEST ARGUMENTS]
# The first run puts a small Debian for ARM and the wheels for it into FOLDER (3 GB), later runs only the files of the working
# tree that git knows. Without arguments it runs what NAMES says below. Nothing is left running or mounted at its end.
#
# An emulator says whether the code is right, not how fast it is.
set -euo pipefail
NAMES=(tests/kernels/test_fast.py tests/kernels/test_winograd.py tests/kernels/test_kernels.py tests/kernels/test_memory.py)
PYTHON=3.11 # of Debian 12
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:?a folder for the ARM system}
shift
mkdir -p "$folder" && folder=$(cd "$folder" && pwd)
system=$folder/system
site=$system/usr/local/lib/python$PYTHON/dist-packages

command -v qemu-aarch64-static mmdebstrap > /dev/null || apt-get install -qy --no-install-recommends qemu-user-static mmdebstrap

if [ ! -e "$folder/complete" ]; then
  # Debian's packages and the wheels are only unpacked: their own scripts would run under emulation.
  rm -rf "$system"
  mmdebstrap --quiet --mode=root --variant=extract --arch=arm64 bookworm "$system" /etc/apt/sources.list.d/debian.sources \
    --include=base-files,bash,coreutils,libgomp1,libstdc++6,python3,python3-pip
  echo "root:x:0:0:root:/root:/bin/bash" > "$system/etc/passwd"
  echo "root:x:0:" > "$system/etc/group"
  mkdir -p "$site" "$system"/{dev,proc,sys,source}
  wheels=(python3 -m pip install --quiet --target "$site" --only-binary=:all: --implementation cp --python-version "$PYTHON")
  for age in _2_28 _2_27 _2_17 2014; do
    wheels+=(--platform "manylinux${age}_aarch64")
  done
  "${wheels[@]}" --no-deps torch==2.10.0 # the last wheel for ARM that wants no CUDA
  "${wheels[@]}" --upgrade numpy numba safetensors pydantic typer rich pillow matplotlib pooch scipy pytest pytest-xdist \
    hypothesis expecttest threadpoolctl "setuptools>=77" filelock fsspec jinja2 networkx sympy
  touch "$folder/complete"
fi

rm -rf "$folder/source" && mkdir "$folder/source"
(cd "$root" && git ls-files -z --recurse-submodules | tar --create --null --files-from=- --file=-) | tar --extract --directory "$folder/source"

# Runs a command as root of the ARM system. It has a user, mounts and processes of its own, and there qemu is registered for
# programs that start like an ELF file of 64 bits, little-endian, for machine 0xb7; all of it ends with the command.
on_arm() {
  unshare --user --map-root-user --mount --pid --fork --kill-child --mount-proc bash -euc '
    folder=$1 system=$1/system
    shift
    mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
    start="\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    which="\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
    echo ":arm64:M::$start:$which:$(command -v qemu-aarch64-static):F" > /proc/sys/fs/binfmt_misc/register
    for name in dev proc sys; do
      mount --rbind "/$name" "$system/$name"
    done
    mount --bind "$folder/source" "$system/source"
    # PYTHONSAFEPATH: the folder ./ninx is only half of the package. QEMU_CPU: on the processor that qemu takes by itself, which no
    # one has, NumPy warns of divisions by zero.
    exec env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin PYTHONDONTWRITEBYTECODE=1 PYTHONSAFEPATH=1 QEMU_CPU=neoverse-n1 \
      chroot "$system" bash -c "cd /source && exec \"\$@\"" _ "$@"
  ' _ "$folder" "$@"
}

python3 -m pip install --quiet --target "$site" --no-deps --upgrade "$folder/source" # no code of its own, so made here
on_arm python3 -c '
import platform
from ninx.kernels.cpu.jit.vector import HOST
print(platform.machine(), HOST)
assert platform.machine() == "aarch64" and HOST.bytes == 16
'
[ $# -gt 0 ] || set -- "${NAMES[@]}"
# Left out: what limits the addresses of a process. Those of an emulated one are the emulator's, and it maps more of them.
on_arm python3 -m pytest -p no:cacheprovider -n 0 --deselect tests/kernels/test_memory.py::test_training_works_where_addresses_are_scarce "$@"
