#!/usr/bin/env bash
# Builds llama.cpp's shared libraries (llama, mtmd, the ggml backends) and installs them into llama_ctypes/lib, with
# the ABI stamp that the binding checks at load. Knows nothing of the server. Runs on Linux and macOS (bash 3.2).
set -euo pipefail

usage() {
  cat <<'TEXT'
usage: ./build_native.sh [--jobs N] [--clean] [--rpc-server] [--print source|lib] [CMAKE OPTIONS]

Builds libllama, libmtmd and the ggml backends and installs them into llama_ctypes/lib.

  -j, --jobs N     compile N files at once (default: one per processor)
  --clean          drop the cached build of these options and build again
  --rpc-server     build ggml-rpc-server too: it offers this machine's devices to llamactl serve --rpc on another one
  --print source   print where the pinned llama.cpp source tree is (or will be), and exit
  --print lib      print where the libraries are installed, and exit
  -h, --help       print this

Anything else goes to CMake: -DGGML_CUDA=ON (NVIDIA), -DGGML_HIP=ON (AMD), -DGGML_VULKAN=ON, -DGGML_METAL=ON (on by
itself on Apple silicon), -DGGML_BLAS=ON, -DGGML_OPENMP=ON; -DGGML_NATIVE=OFF for a build that other machines of the
same architecture can run (the default uses every instruction of this one).

environment:
  LLAMA_CPP_DIR    build this llama.cpp checkout instead of the pinned source
  LLAMACTL_CACHE   where source and builds are kept (default: ${XDG_CACHE_HOME:-~/.cache}/llamactl)
  PYTHON           the Python to use (default: .venv/bin/python, else python3)
  CC, CXX, CFLAGS, CXXFLAGS, LDFLAGS   as usual
TEXT
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
lib=$root/llama_ctypes/lib
cache=${LLAMACTL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/llamactl}
case $cache in /*) ;; *) cache=$PWD/$cache ;; esac

say() { printf 'build_native: %s\n' "$*"; }
die() { printf 'build_native: %s\n' "$*" >&2; exit 1; }

# shellcheck source=native/tools.sh
. "$root/native/tools.sh"
# shellcheck source=native/source.sh
. "$root/native/source.sh"
# shellcheck source=native/compile.sh
. "$root/native/compile.sh"
# shellcheck source=native/install.sh
. "$root/native/install.sh"
# shellcheck source=native/rpc_server.sh
. "$root/native/rpc_server.sh"

jobs=
clean=no
wants_rpc_server=no
user_options=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) usage; exit 0 ;;
    -j | --jobs) [ $# -ge 2 ] || die "$1: expected a number of jobs after it"; jobs=$2; shift ;;
    --jobs=*) jobs=${1#*=} ;;
    --clean) clean=yes ;;
    --rpc-server) wants_rpc_server=yes ;;
    --print)
      case ${2-} in
        source) source_dir ;;
        lib) printf '%s\n' "$lib" ;;
        *) die "--print: expected 'source' or 'lib', got '${2-}'" ;;
      esac
      exit 0 ;;
    -*) user_options+=("$1") ;;
    *) die "unexpected argument '$1'; see ./build_native.sh --help" ;;
  esac
  shift
done
case $jobs in '') jobs=$(getconf _NPROCESSORS_ONLN) ;; *[!0-9]* | 0) die "--jobs: expected a positive number, got '$jobs'" ;; esac

find_python
find_compilers
check_backend_tools
choose_build
if [ "$clean" = yes ]; then drop_build; fi
if ! is_built; then
  lock_cache
  fetch_source
  find_cmake_and_ninja
  compile
  unlock_cache
fi
install_libraries
judge_declarations
if [ "$wants_rpc_server" = yes ]; then build_rpc_server; fi
