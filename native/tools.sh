# Finds the programs that a build needs; says which one is missing and how to get it. Sourced by build_native.sh.

# missing WHAT DEBIAN FEDORA MACOS: ends the build with one message.
missing() {
  {
    printf 'build_native: %s\n' "$1"
    printf '  Debian, Ubuntu:  %s\n  Fedora:          %s\n  macOS:           %s\n' "$2" "$3" "$4"
  } >&2
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

find_python() {
  python=${PYTHON:-}
  if [ -z "$python" ]; then
    python=$root/.venv/bin/python
    [ -x "$python" ] || python=python3
  fi
  has "$python" || missing "Python is missing (looked for '$python'; \$PYTHON names another)" \
    "apt install python3 python3-venv" "dnf install python3" "brew install python"
  "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
    missing "'$python' is older than Python 3.10; \$PYTHON names another" \
      "apt install python3" "dnf install python3" "brew install python"
}

find_compilers() {
  cc=${CC:-cc} cxx=${CXX:-c++}
  # CC may hold arguments or a launcher ("ccache gcc"): the first word has to be a program.
  has "${cc%% *}" || missing "the C compiler is missing (looked for '$cc'; \$CC names another)" \
    "apt install build-essential" "dnf install gcc gcc-c++" "xcode-select --install"
  has "${cxx%% *}" || missing "the C++ compiler is missing (looked for '$cxx'; \$CXX names another)" \
    "apt install build-essential" "dnf install gcc-c++" "xcode-select --install"
}

# True if NAME was given as -DNAME=ON (or 1, TRUE, YES), with or without :BOOL.
is_on() {
  local option
  for option in ${user_options[@]+"${user_options[@]}"}; do
    case $option in
      -D"$1"=ON | -D"$1"=on | -D"$1"=1 | -D"$1"=TRUE | -D"$1"=YES | -D"$1":BOOL=ON) return 0 ;;
    esac
  done
  return 1
}

check_backend_tools() {
  if is_on GGML_CUDA && ! has nvcc && [ -z "${CUDACXX:-}" ]; then
    if [ -x /usr/local/cuda/bin/nvcc ]; then
      export CUDACXX=/usr/local/cuda/bin/nvcc
    else
      missing "-DGGML_CUDA=ON needs the CUDA compiler 'nvcc' (\$CUDACXX names it if it is not on the PATH)" \
        "apt install nvidia-cuda-toolkit" "dnf install cuda-toolkit (NVIDIA's repository)" "not available"
    fi
  fi
  if is_on GGML_VULKAN && ! has glslc; then
    missing "-DGGML_VULKAN=ON needs the shader compiler 'glslc' and the Vulkan headers" \
      "apt install glslc libvulkan-dev" "dnf install glslc vulkan-headers vulkan-loader-devel" \
      "brew install shaderc vulkan-headers vulkan-loader"
  fi
  if is_on GGML_HIP && ! has hipcc && [ ! -x /opt/rocm/bin/hipcc ]; then
    missing "-DGGML_HIP=ON needs ROCm's 'hipcc'" "apt install hipcc" "dnf install rocm-hip-devel" "not available"
  fi
}

# cmake and ninja: what the machine has, else PyPI's, in a private environment in the cache.
find_cmake_and_ninja() {
  local wanted=()
  PATH=$PATH:$cache/tools/bin
  has cmake || wanted+=(cmake)
  has ninja || wanted+=(ninja)
  [ ${#wanted[@]} -gt 0 ] || return 0
  say "getting ${wanted[*]} from PyPI"
  make_tools_venv
  "$cache/tools/bin/python" -m pip install -q "${wanted[@]}" ||
    missing "${wanted[*]}: missing, and could not be installed from PyPI (see above)" \
      "apt install cmake ninja-build" "dnf install cmake ninja-build" "brew install cmake ninja"
}

make_tools_venv() {
  if "$cache/tools/bin/python" -m pip --version >/dev/null 2>&1; then return; fi
  "$python" -m venv --clear "$cache/tools" ||
    missing "'$python -m venv' failed (see above), and something has to be installed from PyPI" \
      "apt install python3-venv" "dnf install python3" "brew install python"
}
